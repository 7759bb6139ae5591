// rules.c: keeps the rules as the rule file has them, and finds the one that
// acts on a call.
#include "rules.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "sessions.h"
#include "settings.h"

enum { look_again = 2000000, file_room = 1 << 20 }; // ns, bytes

// What tells one version of the rule file from another.
struct version {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

static struct ruleset none;
static struct ruleset *_Atomic current = &none;
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
static struct version version; // of current, or of a file that was refused; under reading
static atomic_bool looked;
static cell changes_seen, next_look;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t hash(uint64_t h, const void *data, size_t n)
{
	// FNV-1a, 64 bits.
	for (const unsigned char *p = data; n > 0; n--)
		h = (h ^ *p++) * 0x100000001B3;
	return h;
}

// A rule's counts go on while the file is the same, in all processes; a new
// version of the file starts them anew.
static uint64_t key(const struct rule *r, const struct version *v)
{
	uint64_t h = 0xCBF29CE484222325;

	h = hash(h, r->text, strlen(r->text));
	h = hash(h, &r->line, sizeof r->line);
	h = hash(h, &v->device, sizeof v->device);
	h = hash(h, &v->inode, sizeof v->inode);
	h = hash(h, &v->size, sizeof v->size);
	h = hash(h, &v->changed.tv_sec, sizeof v->changed.tv_sec);
	h = hash(h, &v->changed.tv_nsec, sizeof v->changed.tv_nsec);
	return h == 0 ? 1 : h;
}

static bool same(const struct version *a, const struct version *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct version version_of(const struct stat *s)
{
	return (struct version){s->st_dev, s->st_ino, s->st_size, s->st_mtim};
}

static void publish(struct ruleset *set)
{
	set->before = atomic_load(&current);
	atomic_store(&current, set);
}

static char *read_all(int file, size_t size)
{
	if (size > file_room)
		return NULL;
	char *text = calloc(1, size + 1);
	size_t n = 0;
	while (text != NULL && n < size) {
		ssize_t got = read(file, text + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return text;
}

static struct ruleset *parse(char *text, const struct version *v)
{
	struct ruleset *room = calloc(1, sizeof *room + rules_room * sizeof *room->rules), *set = NULL;
	unsigned line;
	char wrong[200];
	uint64_t now = now_ns();

	if (room == NULL)
		return NULL;
	if (!parse_rules(text, room, &line, wrong, sizeof wrong)) {
		log_problem("%s:%u: %s; the rules stay as they were", settings.rules, line, wrong);
		free(room);
		return NULL;
	}
	// The set is kept for good: in no more memory than it needs.
	size_t needs = sizeof *room + room->count * sizeof *room->rules;
	if ((set = malloc(needs)) != NULL)
		memcpy(set, room, needs);
	free(room);
	if (set == NULL)
		return NULL;
	for (struct rule *r = set->rules; r < set->rules + set->count; r++) {
		r->own.since = now;
		r->state = r->each_process ? &r->own : counts_rule(key(r, v), now);
	}
	return set;
}

// look reads the rule file if it is another one than before. No file: no rules.
static void look(void)
{
	int file = open(settings.rules, O_RDONLY | O_CLOEXEC);
	struct stat is;

	if (file < 0) {
		if (atomic_load(&current)->count > 0) {
			struct ruleset *empty = calloc(1, sizeof *empty);
			if (empty != NULL)
				publish(empty);
		}
		version = (struct version){0};
		return;
	}
	if (fstat(file, &is) == 0) {
		struct version v = version_of(&is);
		if (!same(&v, &version)) {
			char *text = read_all(file, (size_t)is.st_size);
			struct ruleset *set = text != NULL ? parse(text, &v) : NULL;
			if (set != NULL)
				publish(set);
			version = v;
			free(text);
		}
	}
	close(file);
}

struct ruleset *rules_current(void)
{
	if (settings.rules == NULL)
		return &none;
	uint64_t changes = atomic_load_explicit(&counts->changes, memory_order_acquire);
	uint64_t now = clock_ns(CLOCK_MONOTONIC_COARSE);
	bool changed = changes != atomic_load_explicit(&changes_seen, memory_order_relaxed) || !atomic_load(&looked);
	if (!changed && now < atomic_load_explicit(&next_look, memory_order_relaxed))
		return atomic_load(&current);
	// A change that was announced is waited for; otherwise one thread looks.
	if (changed)
		pthread_mutex_lock(&reading);
	else if (pthread_mutex_trylock(&reading) != 0)
		return atomic_load(&current);
	changes = atomic_load(&counts->changes);
	look();
	atomic_store(&looked, true);
	atomic_store(&changes_seen, changes);
	atomic_store(&next_look, now + look_again);
	pthread_mutex_unlock(&reading);
	return atomic_load(&current);
}

static bool over(const struct rule *r, uint64_t now)
{
	uint64_t first = atomic_load(&r->state->first);
	return r->lasts > 0 && first > 0 && now >= first + r->lasts;
}

// chance is the same for the same seed and the same number of the call.
static bool chance(const struct rule *r, uint64_t n)
{
	uint64_t x = r->seed + n * 0x9E3779B97F4A7C15; // splitmix64
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
	x ^= x >> 31;
	return (double)(x >> 11) / (double)(1ULL << 53) < r->probability;
}

static bool mine(struct rule *r)
{
	uint64_t owner = 0, me = (uint64_t)getpid();
	return atomic_compare_exchange_strong(&r->state->owner, &owner, me) || owner == me;
}

static bool take(struct rule *r)
{
	uint64_t limit = r->standing ? 1 : r->times, fired = atomic_load(&r->state->fired);
	do
		if (limit > 0 && fired >= limit)
			return false;
	while (!atomic_compare_exchange_weak(&r->state->fired, &fired, fired + 1));
	return true;
}

static bool matches(struct rule *r, const struct call *c, uint64_t now)
{
	if (!r->functions[c->function] || (r->has_slot && (!c->has_slot || c->slot != r->slot)))
		return false;
	if (r->standing && atomic_load(&r->state->fired) > 0)
		return false;
	if (over(r, now) || now < atomic_load(&r->state->since) + r->after)
		return false;
	if ((r->open > 0 && sessions_count() < r->open) || (r->first_process && !mine(r)))
		return false;
	uint64_t n = atomic_fetch_add(&r->state->seen, 1) + 1;
	if ((r->nth > 0 && n != r->nth) || n < r->from || (r->every > 0 && n % r->every != 0) ||
	    (r->has_probability && !chance(r, n)) || !take(r))
		return false;
	uint64_t never = 0;
	atomic_compare_exchange_strong(&r->state->first, &never, now);
	return true;
}

struct rule *rules_match(struct ruleset *set, const struct call *c)
{
	uint64_t now = now_ns();

	for (struct rule *r = set->rules; r < set->rules + set->count; r++)
		if (matches(r, c, now))
			return r;
	return NULL;
}

bool rules_holds(struct rule *r)
{
	return r->standing && atomic_load(&r->state->fired) > 0 && !over(r, now_ns());
}

bool rules_stands(const struct rule *r)
{
	struct ruleset *set = rules_current();

	if (over(r, now_ns()))
		return false;
	for (unsigned i = 0; i < set->count; i++)
		if (&set->rules[i] == r || strcmp(set->rules[i].text, r->text) == 0)
			return true;
	return false;
}
