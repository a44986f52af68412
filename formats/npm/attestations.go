package npm

import (
	"bytes"

	"slipway/formats"
)

// A manifest from another registry may have "attestations" in its "dist", whose "url" leads there. Clients judge a version by their
// presence, so they stay, with our address: npm asks for the path of it alone. As that depends on the request, it is written when the
// manifest is rendered, and the stored text ends where it belongs.

const attestationsMember = "attestations"

// openAddress ends a fragment whose attestations still lack their address. No complete JSON value ends like this.
const openAddress = `"url":"`

// appendDist writes the members of "dist", the attestations at the end.
func (o object) appendDist(b []byte) []byte {
	rest := make(object, 0, len(o))
	for _, m := range o {
		if m.key != attestationsMember {
			rest = append(rest, m)
		}
	}
	b = rest.appendMembers(b)
	attestations, err := parseObject(o.get(attestationsMember))
	if err != nil || len(attestations) == 0 {
		return b
	}
	attestations.drop(func(key string) bool { return key == "url" })
	if len(rest) > 0 {
		b = append(b, ',')
	}
	b = append(b, `"attestations":{`...)
	if len(attestations) > 0 {
		b = append(attestations.appendMembers(b), ',')
	}
	return append(b, openAddress...)
}

// appendAddress closes the attestations that a fragment has left open, with this address.
func appendAddress(b []byte, address string) []byte {
	if !bytes.HasSuffix(b, []byte(openAddress)) {
		return b
	}
	b = b[:len(b)-1]
	return append(appendQuoted(b, address), '}')
}

// attestationsURL is the address of the attestations of a version.
func attestationsURL(base, name, version string) string {
	return base + "/-/npm/v1/attestations/" + escapedName(name) + "@" + formats.Escape(version)
}
