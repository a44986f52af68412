package ui

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"slipway/api"
	"slipway/api/client"
	"slipway/formats/setup"
	"slipway/registry"
)

// evidenceItem is something that tells of a version, with what of it is sure here and what is not.
type evidenceItem struct {
	What     string
	Text     string // what it is, in the publishers' or the server's words
	Link     string // "": it is on this page
	By       string
	At       string
	Verified string // "": nothing
	Open     string // what the server has not verified
	Command  string // by which the visitor verifies it; "": none
	Depth    int    // in the tree of what belongs to a version
	File     bool   // Link is a file to download
}

// Indent is where an item of a tree begins.
func (e evidenceItem) Indent() string {
	return strings.Repeat("\u00a0\u00a0", max(0, e.Depth-1)) + "└ "
}

// maxEvidence bounds the items of a page.
const maxEvidence = 100

// kindTexts are words for the kinds of what belongs to a version.
var kindTexts = map[string]string{"signature": "Signature", "sbom": "SBOM", "attestation": "Attestation", "provenance": "Provenance", "other": "Belongs to it"}

// evidence lists what tells of a version: what the server saw, what is in its files, and what belongs to it. cut: there is more.
func (u *Pages) evidence(r *http.Request, at client.Package, v api.Version, files []fileItem) (out []evidenceItem, cut bool, err error) {
	f := frameOf(r)
	out = append(seen(v), evidenceFiles(v, files)...)
	referrers, err := u.api.Referrers(r.Context(), at, v.Version, f.AsOf)
	switch {
	case client.IsStatus(err, http.StatusNotFound), client.IsStatus(err, http.StatusForbidden):
	case err != nil:
		return nil, false, err
	}
	image := imageReference(setup.AddressOf(f.Base, at.Repository), at.Name, v.Version)
	out = append(out, attachedEvidence(f, at, image, referrers.Items, 0)...)
	if len(out) > maxEvidence {
		return out[:maxEvidence], true, nil
	}
	return out, referrers.Cut, nil
}

// seen is what the server itself knows of a version.
func seen(v api.Version) []evidenceItem {
	item := evidenceItem{What: "Contents", Verified: "The SHA-256 of every file was computed here as its bytes came in, and its size noted; fsck compares the bytes with it.",
		Open: "Who built the files, and of what: checksums do not tell."}
	switch {
	case v.Origin == "cached":
		checked := map[string]int{}
		for _, file := range v.Files {
			checked[file.Verified]++
		}
		item.By, item.At = v.EnteredBy, v.EnteredAt
		if weak := checked["none"]; weak > 0 {
			item.Open = fmt.Sprintf("%s came without a checksum from the registry elsewhere, so that nothing could be compared. ", plural(int64(weak), "file", "files")) + item.Open
		}
		for _, sum := range []string{"sha512", "sha256", "sha1", "md5"} {
			if checked[sum] > 0 {
				item.Verified += fmt.Sprintf(" %s agreed with the %s that the registry elsewhere announced.", plural(int64(checked[sum]), "file", "files"), strings.ToUpper(sum))
			}
		}
	case v.PublishedBy != "":
		item.By, item.At = v.PublishedBy, v.PublishedAt
		item.Verified += " The publisher was logged in here, with the right to publish."
	}
	return []evidenceItem{item}
}

// evidenceOpen says what nobody has verified of files that tell of others, by kind.
var evidenceOpen = map[string]string{
	registry.AttachedSignature:   "The signature, and who made it.",
	registry.AttachedProvenance:  "Whether it is signed, by whom, and whether what it says is so.",
	registry.AttachedAttestation: "The signature, and who made it.",
	registry.AttachedSBOM:        "Whether it is complete and of this version.",
}

// evidenceCommands verify such files, by the end of their names: the first %s is the file, the second what it is about.
var evidenceCommands = map[string]string{
	".sigstore.json": "cosign verify-blob --bundle %s --certificate-identity-regexp … --certificate-oidc-issuer … %s",
	".sigstore":      "cosign verify-blob --bundle %s --certificate-identity-regexp … --certificate-oidc-issuer … %s",
	".asc":           "gpg --verify %s %s",
	".sig":           "gpg --verify %s %s",
	".minisig":       "minisign -V -x %s -m %s",
	".intoto.jsonl":  "slsa-verifier verify-artifact --provenance-path %s --source-uri … %s",
}

// evidenceFiles are the files of a version that tell of others.
func evidenceFiles(v api.Version, files []fileItem) (out []evidenceItem) {
	for _, file := range files {
		kind, end := registry.FileEvidence(file.Path)
		if kind == "" {
			continue
		}
		item := evidenceItem{What: kindTexts[kind], Text: file.Path, Link: file.Link, File: true, By: v.PublishedBy, At: file.AddedAt, Open: evidenceOpen[kind]}
		about, command := file.Path[:len(file.Path)-len(end)], evidenceCommands[end]
		if command != "" && slices.ContainsFunc(v.Files, func(f api.File) bool { return f.Path == about }) {
			item.Command = fmt.Sprintf(command, shellWord(file.Path), shellWord(about))
		}
		out = append(out, item)
	}
	return out
}

// attachedEvidence is what belongs to a version, each item followed by what belongs to it in turn.
func attachedEvidence(f *frame, at client.Package, image string, list []api.Referrer, depth int) (out []evidenceItem) {
	for _, ref := range list {
		item := evidenceItem{What: kindTexts[ref.Kind], Text: ref.ArtifactType, Link: f.Link(versionPath(at.Repository, at.Format, at.Name, ref.Version)), By: ref.PublishedBy, At: ref.PublishedAt, Depth: depth + 1,
			Verified: "That it is about exactly these bytes: it names their digest."}
		if item.Text == "" || ref.Tag != "" && ref.Kind != "other" {
			item.Text = strings.TrimSpace(item.Text + " by its tag")
			if i := strings.LastIndexByte(ref.Tag, '.'); i >= 0 {
				item.Text += ", which ends in " + ref.Tag[i:]
			}
		}
		if ref.Tag != "" {
			item.Verified = ""
		}
		switch ref.Kind {
		case "signature":
			item.Open = "The signature, and who made it."
			if image != "" && depth == 0 {
				item.Command = "cosign verify --certificate-identity-regexp … --certificate-oidc-issuer … " + image
				if strings.Contains(ref.ArtifactType, "notary") {
					item.Command = "notation verify " + image
				}
			}
		case "attestation":
			item.Open = "Its signature, who made it, and whether what it says is so."
			if image != "" && depth == 0 {
				item.Command = "cosign verify-attestation --type … --certificate-identity-regexp … --certificate-oidc-issuer … " + image
			}
		case "sbom":
			item.Open = "Whether it is complete, and who wrote it."
		default:
			item.Open = "What it says."
		}
		out = append(append(out, item), attachedEvidence(f, at, image, ref.Referrers, depth+1)...)
	}
	return out
}

// imageReference names an image for clients by its digest; "" where images can't be reached.
func imageReference(a setup.Address, name, version string) string {
	if a.Path != "" || !strings.HasPrefix(version, "sha") {
		return ""
	}
	return a.Host + "/" + a.Repository + "/" + name + "@" + version
}

// shellWord is a text that a shell takes for one word.
func shellWord(s string) string { return shellWords([]string{s}) }

// proofItem is an entry of the log that tells of a version.
type proofItem struct {
	Seq    int64
	Type   string
	At, By string
	Proof  string // address of its proof
}

// proofView is how the history of a version is proved.
type proofView struct {
	Entries []proofItem
	Key     string
}

// maxProofs bounds the entries of a version that its page lists.
const maxProofs = 12

// proof finds the entries of the log that tell of a version: of its publishing, of its files, and of what was said of it later. nil: the visitor may
// see none, or there is none, as of what only a registry elsewhere has.
func (u *Pages) proof(r *http.Request, v api.Version, more ...int64) (*proofView, error) {
	f := frameOf(r)
	seqs := append([]int64{v.Seq}, more...)
	for _, fact := range v.Facts {
		seqs = append(seqs, fact.Seq)
	}
	slices.Sort(seqs)
	seqs = slices.DeleteFunc(slices.Compact(seqs), func(seq int64) bool { return seq <= 0 })
	var out proofView
	for _, seq := range seqs[:min(len(seqs), maxProofs)] {
		e, found, err := u.entry(r.Context(), seq)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		item, err := logItemOf(e)
		if err != nil {
			return nil, err
		}
		out.Entries = append(out.Entries, proofItem{Seq: seq, Type: item.Type, At: item.At, By: item.By, Proof: f.Link(logPath(seq) + "/proof")})
	}
	if len(out.Entries) == 0 {
		return nil, nil //nolint:nilnil // no proof is no error
	}
	key, err := u.api.LogKey(r.Context())
	out.Key = strings.TrimSpace(key)
	return &out, err
}
