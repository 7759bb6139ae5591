#include "sessions.h"

#include <pthread.h>

#include "wrap.h"

enum { room = 1 << 14 };

static struct session table[room];
static atomic_uint top;  // places from here on were never used
static atomic_uint open; // sessions that the caller may use
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;
static CK_ULONG generation = 1; // under adding

static struct session *place(CK_SESSION_HANDLE handle)
{
	CK_ULONG i = handle % room;
	return handle >= room && i < atomic_load(&top) ? &table[i] : NULL;
}

CK_SESSION_HANDLE sessions_add(CK_SESSION_HANDLE real, CK_SLOT_ID slot)
{
	CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;

	pthread_mutex_lock(&adding);
	for (unsigned i = 0; i < room; i++) {
		struct session *s = &table[i];
		if (atomic_load(&s->handle) != 0)
			continue;
		if (i >= atomic_load(&top))
			atomic_store(&top, i + 1);
		handle = generation++ * room + i;
		atomic_store(&s->real, real);
		atomic_store(&s->slot, slot);
		atomic_store(&s->state, session_open);
		atomic_store(&s->was, handle);
		atomic_store(&s->handle, handle);
		atomic_fetch_add(&open, 1);
		break;
	}
	pthread_mutex_unlock(&adding);
	return handle;
}

struct session *sessions_use(CK_SESSION_HANDLE handle)
{
	struct session *s = place(handle);

	if (s == NULL)
		return NULL;
	// Busy first: whoever loses the session sees it, or is seen here.
	atomic_fetch_add(&s->busy, 1);
	if (atomic_load(&s->handle) == handle && atomic_load(&s->state) == session_open)
		return s;
	sessions_done(s);
	return NULL;
}

void sessions_done(struct session *s)
{
	if (atomic_fetch_sub(&s->busy, 1) != 1)
		return;
	// In one step: by now the place may have another session, which nobody has lost.
	int was = session_lost;
	if (!atomic_compare_exchange_strong(&s->state, &was, session_over))
		return;
	real_module->C_CloseSession(atomic_load(&s->real));
	atomic_store(&s->handle, 0);
}

bool sessions_slot(CK_SESSION_HANDLE handle, CK_SLOT_ID *slot)
{
	struct session *s = place(handle);

	if (s == NULL || atomic_load(&s->was) != handle)
		return false;
	*slot = atomic_load(&s->slot);
	return true;
}

void sessions_closed(struct session *s)
{
	int was = atomic_exchange(&s->state, session_over);

	if (was == session_over)
		return;
	if (was == session_open)
		atomic_fetch_sub(&open, 1);
	atomic_store(&s->handle, 0);
}

void sessions_lose(struct session *s)
{
	int was = session_open;

	if (atomic_compare_exchange_strong(&s->state, &was, session_lost))
		atomic_fetch_sub(&open, 1);
}

static struct session *each(unsigned i, const CK_SLOT_ID *slot)
{
	struct session *s = sessions_use(atomic_load(&table[i].handle));

	if (s != NULL && slot != NULL && atomic_load(&s->slot) != *slot) {
		sessions_done(s);
		return NULL;
	}
	return s;
}

void sessions_lose_all(const CK_SLOT_ID *slot)
{
	for (unsigned i = 0; i < atomic_load(&top); i++) {
		struct session *s = each(i, slot);
		if (s == NULL)
			continue;
		sessions_lose(s);
		sessions_done(s);
	}
}

void sessions_forget_all(const CK_SLOT_ID *slot)
{
	for (unsigned i = 0; i < atomic_load(&top); i++) {
		struct session *s = each(i, slot);
		if (s == NULL)
			continue;
		sessions_closed(s);
		sessions_done(s);
	}
}

unsigned sessions_count(void)
{
	return atomic_load(&open);
}
