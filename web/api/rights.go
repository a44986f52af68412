package api

import (
	"slipway/registry/access"
	"slipway/web/openapi"
)

// Scopes of the rights that operations need.
const (
	scopeRepository  = "repository"
	scopeSomewhere   = "somewhere"
	scopeEnvironment = "environment"
	scopeServer      = "server"
	scopeOwn         = "own"
	scopeRequested   = "requested"
)

// rightsText describes the scopes, and how the rights of an operation read.
const rightsText = `

**Rights** of an operation are in ` + "`x-slipway-rights`" + `, a list of alternatives: one of them is enough, and of it every right. Its keys say where the rights are
needed: in the ` + "`repository`" + ` (of what the request is about; of each, where there are several), ` + "`somewhere`" + ` (in any repository), on the ` + "`environment`" + `, on the
` + "`server`" + ` (a permission on ` + "`*`" + `). ` + "`own`" + ` is what belongs to the caller, and ` + "`requested`" + ` stands for the rights that the body gives away. An empty alternative asks for
credentials alone: answers have what their caller may see. ` + "`admin`" + ` contains every right, ` + "`audit`" + ` of the server contains ` + "`read`" + ` everywhere; the owner of an environment has every right on it,
and on an environment without an owner everybody may ` + "`deploy`" + `. Rules of tags can ask for ` + "`tag`" + ` besides.`

// anyCaller is what an operation needs that answers each caller with what he may see or what is his own.
var anyCaller = openapi.Rights{{}}

// Rights of operations on what has an owner.
var (
	onOwn          = openapi.Rights{{scopeOwn: {}}}
	onOwnOrServer  = openapi.Rights{{scopeOwn: {}}, {scopeServer: {string(access.Admin)}}}
	onOwnOrAudited = openapi.Rights{{scopeOwn: {}}, {scopeServer: {string(access.Audit)}}}
)

// Rights that several operations need.
var (
	seesHistory    = openapi.Rights{{scopeRepository: {string(access.Read)}}, {scopeRepository: {string(access.Audit)}}}
	seesDeployment = append(seesHistory[:2:2], map[string][]string{scopeEnvironment: {string(access.Read)}})
	deploys        = openapi.Rights{{scopeRepository: {string(access.Deploy)}, scopeEnvironment: {string(access.Deploy)}}}
	seesSinks      = openapi.Rights{{scopeRepository: {string(access.Admin)}}, {scopeServer: {string(access.Audit)}}}
	seesRights     = openapi.Rights{{scopeRepository: {string(access.Audit)}}, {scopeEnvironment: {string(access.Admin)}}, {scopeServer: {string(access.Audit)}}}
	removesTag     = openapi.Rights{{scopeRepository: {string(access.Tag)}}, {scopeRepository: {string(access.Delete)}}}
)

// needs is one alternative: all of these rights in a scope.
func needs(scope string, actions ...access.Action) openapi.Rights {
	rights := make([]string, len(actions))
	for i, action := range actions {
		rights[i] = string(action)
	}
	return openapi.Rights{{scope: rights}}
}
