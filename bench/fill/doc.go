// Package fill fills a store with packages, versions, files and tags of every format, as they would have come from clients:
// through the core's own publishes, many at a time, so that group commit carries them. The result depends on the plan
// alone.
package fill
