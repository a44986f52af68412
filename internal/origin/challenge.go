package origin

import "strings"

// challenge is a WWW-Authenticate: Bearer of a registry (the token authentication of the distribution specification).
type challenge struct{ realm, service, scope string }

// bearer finds the first Bearer challenge with a realm in the fields.
func bearer(fields []string) (challenge, bool) {
	for _, field := range fields {
		for rest := field; rest != ""; {
			var scheme string
			scheme, rest = word(rest)
			if scheme == "" {
				break
			}
			var params map[string]string
			params, rest = parameters(rest)
			if strings.EqualFold(scheme, "Bearer") && params["realm"] != "" {
				return challenge{realm: params["realm"], service: params["service"], scope: params["scope"]}, true
			}
		}
	}
	return challenge{}, false
}

// Service is what the token service of a registry calls the registry, in the WWW-Authenticate fields of a 401; "" if they do not say.
func Service(fields []string) string {
	ch, _ := bearer(fields)
	return ch.service
}

// word cuts the token at the beginning, with the spaces and commas before it.
func word(s string) (first, rest string) {
	s = strings.TrimLeft(s, " \t,")
	i := 0
	for i < len(s) && token(s[i:i+1]) {
		i++
	}
	return s[:i], s[i:]
}

// parameters reads name=value and name="value" until something else begins: the next challenge.
func parameters(s string) (map[string]string, string) {
	out := make(map[string]string)
	for {
		name, rest := word(s)
		rest = strings.TrimLeft(rest, " \t")
		if name == "" || !strings.HasPrefix(rest, "=") {
			return out, s
		}
		value, rest, ok := parameterValue(strings.TrimLeft(rest[1:], " \t"))
		if !ok {
			return out, ""
		}
		out[strings.ToLower(name)] = value
		s = rest
	}
}

func parameterValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest = word(s)
		return value, rest, value != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
