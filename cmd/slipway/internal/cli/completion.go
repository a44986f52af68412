package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// completeTypes lets shells complete a flag that takes event types, or several of them separated by commas.
func (c commands) completeTypes(cmd *cobra.Command, flag string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var out []cobra.Completion
		for _, k := range c.EventTypes {
			if strings.HasPrefix(before+k, typed) {
				out = append(out, before+k)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // no such flag: a programming error that any test finds
	}
}
