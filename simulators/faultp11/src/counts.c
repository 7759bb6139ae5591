#include "counts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

struct counts *counts;

static int counts_file = -1; // kept open for its lock

static void *map(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct stat is;

	if (file < 0)
		return MAP_FAILED;
	// Only ever made longer, so that two processes that start together agree.
	if (fstat(file, &is) != 0 ||
	    (is.st_size < (off_t)sizeof *counts && ftruncate(file, sizeof *counts) != 0)) {
		close(file);
		return MAP_FAILED;
	}
	void *memory = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (memory == MAP_FAILED)
		close(file);
	else
		counts_file = file;
	return memory;
}

void counts_open(const char *path)
{
	static struct counts own;
	void *memory = MAP_FAILED;

	if (path != NULL) {
		memory = map(path);
		if (memory == MAP_FAILED)
			log_problem("counting in %s: %s", path, strerror(errno));
	}
	counts = memory == MAP_FAILED ? &own : memory;
	atomic_store(&counts->magic, COUNTS_MAGIC);
	atomic_store(&counts->version, COUNTS_VERSION);
}

void counts_outcome(struct outcome *list, CK_RV value)
{
	uint64_t wanted = (uint64_t)value + 1;

	// The last one takes all that find no place.
	for (struct outcome *o = list; o < list + outcomes; o++) {
		uint64_t is = atomic_load_explicit(&o->value, memory_order_relaxed);
		if (o == list + outcomes - 1)
			wanted = is = UINT64_MAX, atomic_store(&o->value, UINT64_MAX);
		if (is == 0 && atomic_compare_exchange_strong(&o->value, &is, wanted))
			is = wanted;
		if (is == wanted) {
			atomic_fetch_add_explicit(&o->count, 1, memory_order_relaxed);
			return;
		}
	}
}

static struct rule_state *find_or_take(uint64_t key, uint64_t now)
{
	struct rule_state *oldest = counts->rules;

	for (struct rule_state *s = counts->rules; s < counts->rules + rule_states; s++) {
		if (atomic_load(&s->key) == key)
			return s;
		if (atomic_load(&s->order) < atomic_load(&oldest->order))
			oldest = s;
	}
	atomic_store(&oldest->key, key);
	atomic_store(&oldest->order, atomic_fetch_add(&counts->taken, 1) + 1);
	atomic_store(&oldest->since, now);
	atomic_store(&oldest->first, 0);
	atomic_store(&oldest->seen, 0);
	atomic_store(&oldest->fired, 0);
	atomic_store(&oldest->owner, 0);
	return oldest;
}

struct rule_state *counts_rule(uint64_t key, uint64_t now)
{
	if (counts_file >= 0)
		while (flock(counts_file, LOCK_EX) != 0 && errno == EINTR)
			;
	struct rule_state *s = find_or_take(key, now);
	if (counts_file >= 0)
		flock(counts_file, LOCK_UN);
	return s;
}
