package accounts

import (
	"slices"
	"strings"

	"slipway/registry"
	"slipway/registry/access"
)

const minPassword, maxPassword = 8, 1024

// commonPasswords are those that guessers try first, in lower case, without the ones that are too short or have one
// character only.
var commonPasswords = strings.Fields(`
	password password1 password12 password123 passw0rd p@ssw0rd p@ssword 12345678 123456789 1234567890 0123456789 987654321 87654321
	123123123 12341234 11223344 qwertyui qwerty12 qwerty123 qwertyuiop 1qaz2wsx 1q2w3e4r 1q2w3e4r5t qazwsxedc asdfghjk asdfghjkl zxcvbnm1
	abcd1234 abc12345 abcdefgh iloveyou sunshine princess football baseball superman trustno1 letmein1 welcome1 welcome123 changeme
	changeit admin123 admin1234 administrator rootroot adminadmin monkey123 dragon123 master123 whatever starwars computer internet
	michelle jennifer charlie1 michael1 shadow12 default1 guest123 test1234 testtest secret123 slipway1 slipway123`)

// checkPassword refuses passwords that don't work, and those that are guessed first. The operator may choose any first password
// that works, because a script may have chosen it.
func checkPassword(user, password string, first bool) error {
	refuse := func(format string, args ...any) error {
		return registry.Errorf(registry.Invalid, registry.AboutUser, format, args...)
	}
	folded := strings.ToLower(password)
	switch {
	case strings.HasPrefix(password, access.TokenPrefix):
		return refuse("a password can't begin with %q: that is how tokens begin, so it would never be taken for a password", access.TokenPrefix)
	case len(password) > maxPassword || !first && len(password) < minPassword:
		return refuse("a password has %d to %d bytes", minPassword, maxPassword)
	case first:
		return nil
	case folded == strings.ToLower(user) || folded == "slipway-"+strings.ToLower(user):
		return refuse("the password is the user's name: choose another one")
	case strings.Trim(password, password[:1]) == "":
		return refuse("the password is the same character again and again: choose another one")
	case slices.Contains(commonPasswords, folded):
		return refuse("the password is one of the commonest, which are guessed first: choose another one")
	}
	return nil
}
