package cli

import "slipway/cmd/slipway/internal/command"

// Exported for the tests of the commands.
type (
	Login        = login
	Logins       = logins
	Verification = verification
)

// LoginsPath is where a user with this configuration directory has the logins.
func LoginsPath(configDir string) (string, error) { return loginsPath(userAt(configDir)) }

// Remember changes what that user remembers of a server.
func Remember(configDir, server string, change func(*Login)) error {
	return remember(userAt(configDir), server, change)
}

func userAt(configDir string) *command.Program {
	return &command.Program{ConfigDir: func() (string, error) { return configDir, nil }}
}
