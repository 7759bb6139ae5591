package healing

// Step is a rung of the ladder: one thing that may make an HSM serve again.
// Each includes those below it: a new login comes with new sessions.
type Step uint8

// The rungs, from the cheapest to the dearest.
const (
	None       Step = iota // nothing is wrong, or nothing here can mend it
	NewSession             // C_CloseSession, C_OpenSession
	NewLogin               // C_CloseAllSessions, C_OpenSession, C_Login
	NewLibrary             // C_Finalize, C_Initialize, C_Login
	NewWorker              // the process with the library is killed, another one started
)

// Steps lists the rungs from the lowest.
func Steps() []Step { return []Step{NewSession, NewLogin, NewLibrary, NewWorker} }

// String returns the step as metrics and documents name it.
func (s Step) String() string {
	switch s {
	case NewSession:
		return "new session"
	case NewLogin:
		return "new login"
	case NewLibrary:
		return "new library state"
	case NewWorker:
		return "new worker"
	default:
		return "none"
	}
}
