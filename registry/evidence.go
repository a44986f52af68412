package registry

import "strings"

// evidenceEnds are the ends of names of files that tell of the other files of a version, with what they are, the longest first where one is the
// end of another.
var evidenceEnds = []struct{ end, kind string }{
	{".sigstore.json", AttachedSignature}, {".sigstore", AttachedSignature}, {".asc", AttachedSignature}, {".sig", AttachedSignature}, {".minisig", AttachedSignature},
	{".intoto.jsonl", AttachedProvenance}, {".provenance.json", AttachedProvenance}, {".provenance", AttachedProvenance}, {".publish.attestation", AttachedAttestation},
	{".spdx.json", AttachedSBOM}, {".spdx", AttachedSBOM}, {".cdx.json", AttachedSBOM}, {".cdx.xml", AttachedSBOM},
	{"cyclonedx.json", AttachedSBOM}, {"cyclonedx.xml", AttachedSBOM}, {"bom.json", AttachedSBOM}, {"bom.xml", AttachedSBOM},
}

// FileEvidence tells by the name of a file whether it tells of other files of its version: what it is, of the Attached constants, and the end of
// the name that says so; "" for other files.
func FileEvidence(path string) (kind, end string) {
	lower := strings.ToLower(path)
	for _, e := range evidenceEnds {
		if strings.HasSuffix(lower, e.end) {
			return e.kind, e.end
		}
	}
	return "", ""
}
