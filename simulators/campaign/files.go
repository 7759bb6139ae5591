package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// keep remembers the tokens' own files, which SoftHSM2 writes anew at every login:
// it empties the file first, and loses the token when its process is killed before
// it has written all of it.
func (w *World) keep() error {
	paths, err := filepath.Glob(filepath.Join(w.folder(), "*", "token.object"))
	if err != nil || len(paths) != len(w.Tokens) {
		return fmt.Errorf("looking for the tokens' files: %w", errors.Join(err, fmt.Errorf("found %d", len(paths))))
	}
	w.kept = map[string][]byte{}
	for _, p := range paths {
		if w.kept[p], err = os.ReadFile(p); err != nil {
			return fmt.Errorf("keeping a token's file: %w", err)
		}
	}
	return nil
}

// folder returns the folder with a folder for each token.
func (w *World) folder() string {
	if w.memory != "" {
		return filepath.Join(w.memory, "tokens")
	}
	return filepath.Join(w.Lab.Dir, "tokens", "tokens")
}

// writing is how long a login may take to write the token's file.
const writing = time.Second

// restore puts back the files of tokens that are lost, and returns how many. A file
// that is whole a moment later was being written, by a worker that logged in.
func (w *World) restore(ctx context.Context) (lost int) {
	for path, text := range w.kept {
		whole := false
		for begun := time.Now(); !whole && time.Since(begun) < writing; {
			now, err := os.ReadFile(path)
			whole = err == nil && len(now) >= len(text)
			if !whole && !rest(ctx, 5*time.Millisecond) {
				return lost
			}
		}
		if !whole && os.WriteFile(path, text, 0o600) == nil {
			lost++
		}
	}
	return lost
}

// loginDeaths returns how many processes have died in SoftHSM2's C_Login: of these,
// calls that have reached it never came back. Nobody may be logging in.
func (w *World) loginDeaths() (uint64, error) {
	counts, err := w.Faults.Counts()
	if err != nil {
		return 0, err
	}
	login := counts["C_Login"]
	n := login.Reached
	for _, ended := range login.Real {
		n -= ended
	}
	return n, nil
}

// injected grows with every fault that has met a call: it is the size of the log.
func (w *World) injected() int64 {
	info, err := os.Stat(w.faultLog())
	if err != nil {
		return 0 // there is none before the first
	}
	return info.Size()
}

// injectedSince returns the log's lines after so many bytes.
func (w *World) injectedSince(size int64) (string, error) {
	file, err := os.Open(w.faultLog())
	if errors.Is(err, os.ErrNotExist) {
		return "", nil // there is none before the first
	}
	if err != nil {
		return "", fmt.Errorf("reading the log of faults: %w", err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(size, io.SeekStart); err != nil {
		return "", fmt.Errorf("reading the log of faults: %w", err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return "", fmt.Errorf("reading the log of faults: %w", err)
	}
	return string(text), nil
}

func (w *World) faultLog() string { return filepath.Join(w.Lab.Dir, "faults", "log") }
