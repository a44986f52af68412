package clientconfig

import "strings"

// setLine sets a key of a file of KEY=VALUE lines, and leaves all other lines as they are.
func setLine(text, key, value string) string {
	lines := splitLines(text)
	done := false
	var out []string
	for _, line := range lines {
		name, _, ok := strings.Cut(line, "=")
		if !ok || strings.TrimSpace(name) != key {
			out = append(out, line)
			continue
		}
		if !done {
			out = append(out, key+"="+value)
		}
		done = true // a second line of the key would win
	}
	if !done {
		out = append(out, key+"="+value)
	}
	return strings.Join(out, "\n") + "\n"
}

func splitLines(text string) []string {
	text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// section finds the lines of a section of an INI file: from is that behind its header, to that of the next header. ok is
// false without the section.
func section(lines []string, name string) (from, to int, ok bool) {
	for i, line := range lines {
		if strings.TrimSpace(line) != "["+name+"]" {
			continue
		}
		to := i + 1
		for to < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[to]), "[") {
			to++
		}
		return i + 1, to, true
	}
	return len(lines), len(lines), false
}

// option finds the lines of an option within a section: its own, and the indented ones that go on with its value. ok is
// false without the option.
func option(lines []string, from, to int, key string) (first, end int, ok bool) {
	for i := from; i < to; i++ {
		at := strings.IndexAny(lines[i], "=:")
		if at < 0 || strings.HasPrefix(lines[i], " ") || !strings.EqualFold(strings.TrimSpace(lines[i][:at]), key) {
			continue
		}
		end := i + 1
		for end < to && strings.TrimSpace(lines[end]) != "" && (strings.HasPrefix(lines[end], " ") || strings.HasPrefix(lines[end], "\t")) {
			end++
		}
		return i, end, true
	}
	for to > from && strings.TrimSpace(lines[to-1]) == "" {
		to--
	}
	return to, to, false
}

// setINI sets an option of a section of an INI file, and leaves everything else as it is.
func setINI(text, name, key, value string) string {
	return changeINI(text, name, key, func([]string) string { return key + " = " + value })
}

// addINI adds an item to an option that is a list, an item on each line.
func addINI(text, name, key, item string) string {
	return changeINI(text, name, key, func(former []string) string {
		out := key + " ="
		have := false
		for i, line := range former {
			if i == 0 {
				line = line[strings.IndexAny(line, "=:")+1:]
			}
			for _, word := range strings.Fields(line) {
				out += "\n    " + word
				have = have || word == item
			}
		}
		if !have {
			out += "\n    " + item
		}
		return out
	})
}

func changeINI(text, name, key string, change func(former []string) string) string {
	lines := splitLines(text)
	from, to, ok := section(lines, name)
	if !ok {
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, "["+name+"]")
		from, to = len(lines), len(lines)
	}
	first, end, _ := option(lines, from, to, key)
	out := append([]string{}, lines[:first]...)
	out = append(out, change(lines[first:end]))
	return strings.Join(append(out, lines[end:]...), "\n") + "\n"
}
