// sessions.h: the sessions that the caller has open. The caller gets handles of
// this module's own, never used twice, so that a lost session stays lost even if
// the real module gives its handle to another. Safe from all threads; looking one
// up takes no lock.
#ifndef FAULTP11_SESSIONS_H
#define FAULTP11_SESSIONS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "cryptoki.h"

enum session_state {
	session_open,
	session_lost, // the caller must not use it any more; closed when no longer busy
	session_over, // it is being, or has been, closed
};

struct session {
	_Atomic CK_SESSION_HANDLE handle;  // the caller's; 0: not in use
	_Atomic CK_SESSION_HANDLE was;     // the last one that this place had
	_Atomic CK_SESSION_HANDLE real;    // the real module's
	_Atomic CK_SLOT_ID slot;
	atomic_int busy;  // calls that are using it
	atomic_int state; // enum session_state
} __attribute__((aligned(64)));

// sessions_add returns the caller's handle, or CK_INVALID_HANDLE if there are too many.
CK_SESSION_HANDLE sessions_add(CK_SESSION_HANDLE real, CK_SLOT_ID slot);
// sessions_use finds a session and keeps it until sessions_done; NULL if it is not open.
struct session *sessions_use(CK_SESSION_HANDLE handle);
void sessions_done(struct session *s);
// sessions_slot tells the slot of a session that is or was open.
bool sessions_slot(CK_SESSION_HANDLE handle, CK_SLOT_ID *slot);
// sessions_closed says that the real module has closed it.
void sessions_closed(struct session *s);
// sessions_lose and sessions_lose_all close sessions for real, as soon as no
// other call uses them; slot may be NULL for all slots.
void sessions_lose(struct session *s);
void sessions_lose_all(const CK_SLOT_ID *slot);
// sessions_forget_all drops sessions that the real module has closed itself.
void sessions_forget_all(const CK_SLOT_ID *slot);
unsigned sessions_count(void);

#endif
