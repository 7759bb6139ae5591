#include "objects.h"

#include <pthread.h>
#include <stdlib.h>

enum { era_shift = 48, batch = 256 };

// Handles carry the number of times that all were made invalid, in their upper bits.
static _Atomic CK_ULONG era;

void objects_invalidate(void)
{
	atomic_fetch_add(&era, 1);
}

// One object of a slot as a shuffle sees it: the handle in[i] stands for the
// object at[i], which is the next of the same class and key type.
struct object {
	CK_OBJECT_HANDLE handle, next, previous;
	CK_ULONG class, type;
};

struct shuffle {
	const struct rule *rule;
	CK_SLOT_ID slot;
	struct object *objects;
	size_t count;
	struct shuffle *before;
};

static pthread_mutex_t shuffling = PTHREAD_MUTEX_INITIALIZER;
static struct shuffle *shuffles; // all under shuffling

static struct object *find(struct shuffle *s, CK_OBJECT_HANDLE handle)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->objects[i].handle == handle)
			return &s->objects[i];
	return NULL;
}

static void add(struct shuffle *s, CK_OBJECT_HANDLE handle, CK_ULONG class, CK_ULONG type)
{
	struct object o = {handle, handle, handle, class, type};

	if (find(s, handle) != NULL)
		return;
	struct object *more = realloc(s->objects, (s->count + 1) * sizeof *more);
	if (more == NULL)
		return;
	s->objects = more;
	s->objects[s->count++] = o;
}

// add_all takes in the token's objects of a class, and of a key type where type is not
// NULL. It searches for what has all its attributes, and reads nothing: SoftHSM2 writes
// its defaults over an object that is read while another process makes it.
static void add_all(struct shuffle *s, CK_SESSION_HANDLE session, CK_ULONG class, const CK_ULONG *type)
{
	CK_ULONG of = type != NULL ? *type : CK_UNAVAILABLE_INFORMATION;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &of, sizeof of}};
	CK_OBJECT_HANDLE found[batch];
	CK_ULONG n = 0;

	if (real_module->C_FindObjectsInit(session, template, type != NULL ? 3 : 2) != CKR_OK)
		return;
	while (real_module->C_FindObjects(session, found, batch, &n) == CKR_OK && n > 0)
		for (CK_ULONG i = 0; i < n; i++)
			add(s, found[i], class, of);
	real_module->C_FindObjectsFinal(session);
}

// ring links the objects from first on that are of one kind into a ring.
static void ring(struct shuffle *s, size_t first)
{
	for (size_t i = first; i < s->count; i++) {
		struct object *o = &s->objects[i], *next = NULL;
		for (size_t j = 1; j <= s->count - first && next == NULL; j++) {
			struct object *p = &s->objects[first + (i - first + j) % (s->count - first)];
			if (p->class == o->class && p->type == o->type)
				next = p;
		}
		o->next = next->handle;
		next->previous = o->handle;
	}
}

// extend takes in the objects of the slot that the shuffle does not know yet, in
// a session of its own, for the caller's may be searching.
static void extend(struct shuffle *s)
{
	static const CK_ULONG keys[] = {CKO_SECRET_KEY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
	static const CK_ULONG others[] = {CKO_DATA, CKO_CERTIFICATE, CKO_HW_FEATURE, CKO_DOMAIN_PARAMETERS};
	static const CK_ULONG types[] = {CKK_RSA, CKK_DSA, CKK_DH, CKK_EC, CKK_GENERIC_SECRET, CKK_DES2, CKK_DES3,
					 CKK_AES, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY};
	CK_SESSION_HANDLE session;
	size_t first = s->count;

	if (real_module->C_OpenSession(s->slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		for (size_t j = 0; j < sizeof types / sizeof *types; j++)
			add_all(s, session, keys[i], &types[j]);
		add_all(s, session, keys[i], NULL); // of other types
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		add_all(s, session, others[i], NULL);
	ring(s, first);
	real_module->C_CloseSession(session);
}

static struct shuffle *shuffle_of(const struct rule *r, CK_SLOT_ID slot)
{
	for (struct shuffle *s = shuffles; s != NULL; s = s->before)
		if (s->rule == r && s->slot == slot)
			return s;
	struct shuffle *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	*s = (struct shuffle){.rule = r, .slot = slot, .before = shuffles};
	return shuffles = s;
}

// shuffled returns the handle that h stands for (in), or the one that stands for
// the object h (out).
static CK_OBJECT_HANDLE shuffled(const struct rule *r, CK_SLOT_ID slot, CK_OBJECT_HANDLE h, bool in)
{
	pthread_mutex_lock(&shuffling);
	struct shuffle *s = shuffle_of(r, slot);
	if (s != NULL) {
		struct object *o = find(s, h);
		if (o == NULL) {
			extend(s);
			o = find(s, h);
		}
		if (o == NULL) { // of a session: it stands for itself from now on
			add(s, h, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION);
			o = find(s, h);
		}
		if (o != NULL)
			h = in ? o->next : o->previous;
	}
	pthread_mutex_unlock(&shuffling);
	return h;
}

static enum action_kind interferes(struct ruleset *set, const struct call *c, const struct rule **by)
{
	for (struct rule *r = set->rules; set->standing && c->has_slot && r < set->rules + set->count; r++)
		for (unsigned i = 0; r->standing && i < r->action_count; i++) {
			enum action_kind kind = r->actions[i].kind;
			if ((kind == action_handles_shuffle || kind == action_handles_confuse) &&
			    (!r->has_slot || r->slot == c->slot) && rules_holds(r)) {
				*by = r;
				return kind;
			}
		}
	return action_call;
}

bool objects_in(struct call *c, struct ruleset *set)
{
	CK_ULONG now = atomic_load_explicit(&era, memory_order_relaxed);
	const struct rule *by;

	if (c->objects[0] == NULL || (now == 0 && !set->standing))
		return true;
	enum action_kind kind = interferes(set, c, &by);
	for (int i = 0; i < 2; i++) {
		if (c->objects[i] == NULL || *c->objects[i] == CK_INVALID_HANDLE)
			continue;
		if (now > 0 && *c->objects[i] >> era_shift != now)
			return false;
		if (now > 0)
			*c->objects[i] &= (1UL << era_shift) - 1;
		if (kind != action_call)
			*c->objects[i] = shuffled(by, c->slot, *c->objects[i], true);
	}
	return true;
}

static void out(struct call *c, CK_OBJECT_HANDLE *h, enum action_kind kind, const struct rule *by)
{
	if (kind == action_handles_shuffle)
		*h = shuffled(by, c->slot, *h, false);
	*h |= atomic_load_explicit(&era, memory_order_relaxed) << era_shift;
}

void objects_out(struct call *c, struct ruleset *set)
{
	const struct rule *by = NULL;

	if ((c->made[0] == NULL && c->found == NULL) ||
	    (atomic_load_explicit(&era, memory_order_relaxed) == 0 && !set->standing))
		return;
	enum action_kind kind = interferes(set, c, &by);
	for (int i = 0; i < 2; i++)
		if (c->made[i] != NULL)
			out(c, c->made[i], kind, by);
	for (CK_ULONG i = 0; c->found != NULL && i < *c->size; i++)
		out(c, &c->found[i], kind, by);
}
