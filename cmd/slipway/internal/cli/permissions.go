package cli

import (
	"strings"

	"slipway/api"
	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
)

// environmentPrefix begins the names of environments where a repository could be named too.
const environmentPrefix = "env/"

// permissionFlags are the flags that say what a user, group or token may do.
type permissionFlags struct {
	allow []string
	roles []string
}

func (f *permissionFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.allow, "allow", nil, "REPOSITORY:ACTION[,ACTION] (read, publish, tag, delete, deploy, audit, admin), or env/ENVIRONMENT:ACTION[,ACTION] "+
		"(read, deploy, admin); the name may be a glob; may be given again")
	cmd.Flags().StringArrayVar(&f.roles, "role", nil, "ROLE@REPOSITORY or ROLE@env/ENVIRONMENT: the actions of a role ('slipway role ls'); may be given again")
}

// given reports whether any of the flags was used.
func (f *permissionFlags) given() bool { return len(f.allow)+len(f.roles) > 0 }

// parse reads the flags.
func (f *permissionFlags) parse() ([]api.Permission, error) {
	out := []api.Permission{}
	for _, arg := range f.allow {
		on, actions, ok := strings.Cut(arg, ":")
		p, named := permissionOn(on)
		if !ok || !named || actions == "" {
			return nil, command.Usagef("--allow: %q is not of the form REPOSITORY:ACTION[,ACTION] or env/ENVIRONMENT:ACTION[,ACTION], such as main:read,publish", arg)
		}
		for action := range strings.SplitSeq(actions, ",") {
			p.Actions = append(p.Actions, api.Action(action))
		}
		out = append(out, p)
	}
	for _, arg := range f.roles {
		role, on, ok := strings.Cut(arg, "@")
		p, named := permissionOn(on)
		if !ok || !named || role == "" {
			return nil, command.Usagef("--role: %q is not of the form ROLE@REPOSITORY or ROLE@env/ENVIRONMENT, such as publisher@main", arg)
		}
		p.Role = role
		out = append(out, p)
	}
	return out, nil
}

// permissionOn is a permission without actions on the repository or, behind "env/", the environment of a name; false: there is
// no name.
func permissionOn(name string) (api.Permission, bool) {
	if environment, ok := strings.CutPrefix(name, environmentPrefix); ok {
		return api.Permission{Environment: environment}, environment != ""
	}
	return api.Permission{Repository: name}, name != ""
}

// permissionText writes a permission as the flags take it: main:read,publish or publisher@main.
func permissionText(p api.Permission) string {
	on := cell(p.Repository)
	if p.Environment != "" {
		on = environmentPrefix + cell(p.Environment)
	}
	var parts []string
	if p.Role != "" {
		parts = append(parts, cell(p.Role)+"@"+on)
	}
	if len(p.Actions) > 0 || p.Role == "" {
		parts = append(parts, on+":"+cell(p.Actions))
	}
	return strings.Join(parts, " ")
}
