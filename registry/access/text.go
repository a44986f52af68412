package access

import "strings"

// ofUser stands between the names of a token and of its user in Actor.Text. Names of users have no spaces.
const ofUser = " of user "

// Text names the actor for people, in versions, tags, deployments and events: "token ci of user admin" for a token, the name
// of a user otherwise.
func (a Actor) Text() string {
	if a.Type == TypeToken {
		return "token " + a.Token + ofUser + a.Name
	}
	return a.Name
}

// UserIn returns the name of the user in what Actor.Text returned.
func UserIn(text string) string {
	if i := strings.LastIndex(text, ofUser); i >= 0 {
		return text[i+len(ofUser):]
	}
	return text
}

// TokensOf returns a glob that matches the Text of the tokens of a user, which may itself be a glob.
func TokensOf(user string) string { return "token *" + ofUser + user }

// TokensNamed returns a glob that matches the Text of the tokens of a name, which may itself be a glob, of any user.
func TokensNamed(token string) string { return "token " + token + ofUser + "*" }
