package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"slipway/cmd/slipway/internal/command"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func (c commands) logKeyCmd(f *Flags) *cobra.Command {
	return &cobra.Command{
		Use: "key", Short: "Print the key that verifies the log's signatures", Args: command.Exactly(0),
		Long:    `Print the key that verifies the log's signatures, as one line of C2SP signed-note. Keep it where the server's operators can't change it: 'slipway log verify' and 'slipway log verify-proof' check against it.`,
		Example: "  slipway log key > slipway.vkey",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			key, err := cl.LogKey(cmd.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.Stdout, command.Clean(strings.TrimSpace(key)))
			return err
		},
	}
}

func (c commands) logProofCmd(f *Flags) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "proof LOG-ENTRY", Short: "Fetch the proof that an entry is in the log, to be checked without the server", Args: command.Exactly(1),
		Long: `Fetch the proof that an entry is in the log into a file: the entry, the hashes from it to the root of the Merkle tree, and the
signed checkpoint of that root (C2SP tlog-proof). "slipway log verify-proof" checks the file with the log's key alone, on any
machine, also when the server is gone.`,
		Example: `  slipway log proof 1042
  slipway log proof 1042 --file release-12.tlog-proof`,
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := parseSeq(args[0])
			if err != nil {
				return err
			}
			cl, err := f.Connect(c.Program)
			if err != nil {
				return err
			}
			raw, err := cl.Proof(cmd.Context(), seq)
			if err != nil {
				return err
			}
			if file == "-" {
				_, err := c.Stdout.Write(raw)
				return err
			}
			if file == "" {
				file = fmt.Sprintf("slipway-%d.tlog-proof", seq)
			}
			if err := os.WriteFile(file, raw, 0o666); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.Stdout, file)
			return err
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "where to put it; - is standard output (default: slipway-N.tlog-proof)")
	return cmd
}

// maxProofBytes bounds a proof: an entry of a log has at most 64 KiB.
const maxProofBytes = 256 << 10

// proved is the result of "log verify-proof".
type proved struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"` // entries of the tree that the proof is of
	Root   tlog.Hash `json:"root"`
	Entry  leaf      `json:"entry"`
}

var provedColumns = []column[proved]{
	{"LOG", func(p proved) any { return p.Origin }},
	{"LOG ENTRY", func(p proved) any { return fmt.Sprintf("%d of %d", p.Entry.Seq, p.Size) }},
	{"ROOT", func(p proved) any { return p.Root.String() }},
	{"ID", func(p proved) any { return p.Entry.ID }},
	{"TIME", func(p proved) any { return when(p.Entry.Time) }},
	{"TYPE", func(p proved) any { return p.Entry.Type }},
	{"SUBJECT", func(p proved) any { return p.Entry.Subject }},
	{"ACTOR ID", func(p proved) any { return p.Entry.Actor.ID }},
}

func (c commands) logVerifyProofCmd() *cobra.Command {
	var key, output string
	cmd := &cobra.Command{
		Use: "verify-proof FILE", Short: "Check a proof of 'slipway log proof' without a server", Args: command.Exactly(1),
		Long: `Check that an entry is in the log, with the log's key alone: the signature of the checkpoint, and the hashes from the entry to
the checkpoint's root. No server is asked. What is printed is what the proved entry says. FILE is - for standard input. The exit code is 1 when the proof does not hold.`,
		Example: `  slipway log verify-proof slipway-1042.tlog-proof --key "$(cat slipway.vkey)"
  slipway log verify-proof slipway-1042.tlog-proof --key slipway-9f86d081+1a2b3c4d+AbCd… -o json`,
		RunE: func(_ *cobra.Command, args []string) error {
			if key == "" {
				return command.Usagef("--key: the log's key is needed, as 'slipway log key' prints it")
			}
			raw, err := c.readProof(args[0])
			if err != nil {
				return err
			}
			p, err := checkProof(raw, key)
			if err != nil {
				return err
			}
			if output == command.JSON {
				return command.PrintJSON(c.Stdout, p)
			}
			if _, err := fmt.Fprintln(c.Stdout, "The proof holds: the log has had this entry since the checkpoint was signed."); err != nil {
				return err
			}
			return printItem(c.Stdout, c.Screen(false), p, provedColumns)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "verifier of the log's key, as 'slipway log key' prints it")
	command.OutputFlag(cmd, cmd.Flags(), &output, "table or json")
	return cmd
}

func (c commands) readProof(file string) ([]byte, error) {
	in := c.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, maxProofBytes))
}

// checkProof checks a proof with the log's key alone.
func checkProof(raw []byte, key string) (proved, error) {
	verifier, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return proved{}, command.Usagef("--key: it is not a key of a log: %w", err)
	}
	p, err := parseProof(raw)
	if err != nil {
		return proved{}, err
	}
	if p.tree, err = openCheckpoint(p.signed, verifier); err != nil {
		return proved{}, err
	}
	if p.index < 0 || p.index >= p.tree.N {
		return proved{}, fmt.Errorf("the proof is of entry %d, but the checkpoint is of %d entries", p.index, p.tree.N)
	}
	if err := tlog.CheckRecord(p.hashes, p.tree.N, p.tree.Hash, p.index, tlog.RecordHash(p.leaf)); err != nil {
		return proved{}, fmt.Errorf("the proof does not hold: %w", err)
	}
	out := proved{Origin: verifier.Name(), Size: p.tree.N, Root: p.tree.Hash}
	if err := json.Unmarshal(p.leaf, &out.Entry); err != nil {
		return proved{}, fmt.Errorf("the entry can't be read: %w", err)
	}
	if out.Entry.Seq != p.index {
		return proved{}, errors.New("the entry does not say that it is this one")
	}
	return out, nil
}
