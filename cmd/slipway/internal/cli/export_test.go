package cli

// What the tests of the commands look at.
type (
	Login        = login
	Logins       = logins
	Verification = verification
)

var (
	LoginsPath = loginsPath
	Remember   = remember
)
