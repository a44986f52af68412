package npm

import (
	"encoding/json"
	"strconv"
	"time"

	"slipway/formats"
)

// tokenWish is a request of npm token create (npm.md 7).
type tokenWish struct {
	name      string
	password  string
	readOnly  bool
	expiresIn time.Duration // 0: as long as the caller's token
}

// Values of npm's permissions.
const (
	readOnlyPermission  = "read-only"
	readWritePermission = "read-write"
)

// parseTokenWish reads the body of a POST, in the shape of npm up to 10 (readonly, cidr_whitelist) and in that of npm 11 and
// 12. A token wider than requested is worse than none, so every member must be known here, and each restriction is enforced or
// refused. Invalid.
func parseTokenWish(raw []byte) (tokenWish, error) {
	body, err := parseObject(raw)
	if err != nil {
		return tokenWish{}, invalid("a JSON object is needed")
	}
	var wish tokenWish
	permissions := map[string]string{}
	for _, m := range body {
		if string(m.value) == "null" && m.key != "expires" { // npm sends null for unset members, and for invalid numbers
			continue
		}
		switch m.key {
		case "name":
			err = readMember(m, &wish.name)
		case "password":
			err = readMember(m, &wish.password)
		case "readonly":
			var only bool
			err = readMember(m, &only)
			wish.readOnly = wish.readOnly || only
		case "packages_and_scopes_permission", "orgs_permission":
			permissions[m.key], err = permission(m)
			wish.readOnly = wish.readOnly || permissions[m.key] == readOnlyPermission
		case "expires":
			wish.expiresIn, err = days(m)
		case "cidr_whitelist":
			err = unlimited(m, "tokens can't be limited to addresses in this registry")
		case "packages", "scopes", "orgs":
			err = unlimited(m, "tokens are limited to repositories in this registry, not to packages, scopes or organizations")
		case "packages_all":
			if string(m.value) != "true" {
				err = invalid("packages_all can only be true: tokens are limited to repositories in this registry, not to packages")
			}
		case "description", "bypass_2fa": // a text for people; and there is no second factor to bypass
		default:
			err = invalid("%q is not known here: a token that is wider than it was asked for is not made", formats.Clip(m.key))
		}
		if err != nil {
			return tokenWish{}, err
		}
	}
	if permissions["orgs_permission"] == readOnlyPermission && permissions["packages_and_scopes_permission"] == readWritePermission {
		return tokenWish{}, invalid("orgs_permission can't be %q beside packages_and_scopes_permission %q: there are no organizations here that could be told apart",
			readOnlyPermission, readWritePermission)
	}
	return wish, nil
}

// readMember reads a member into a variable.
func readMember(m member, into any) error {
	if json.Unmarshal(m.value, into) != nil {
		return invalid("%q has a value of the wrong kind", m.key)
	}
	return nil
}

// permission reads one of the two permissions. npm 11 also knows "no-access".
func permission(m member) (string, error) {
	switch text, _ := unquoted(m.value); text {
	case readOnlyPermission, readWritePermission:
		return text, nil
	default:
		return "", invalid("%s can be %q or %q in this registry, not %s", m.key, readWritePermission, readOnlyPermission, formats.Clip(string(m.value)))
	}
}

// days reads the lifetime of a token. npm sends null for an invalid number.
func days(m member) (time.Duration, error) {
	n, err := strconv.Atoi(string(m.value))
	if err != nil || n < 1 || n > maxExpiresDays {
		return 0, invalid("a token expires after 1 to %d days", maxExpiresDays)
	}
	return time.Duration(n) * 24 * time.Hour, nil
}

// unlimited refuses a restricting list that is not empty.
func unlimited(m member, why string) error {
	if string(m.value) != "[]" {
		return invalid("%s", why)
	}
	return nil
}
