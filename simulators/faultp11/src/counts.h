// counts.h: what all processes share, a file mapped into memory (or memory of
// this process and its children, when there is no file): how often each function
// was called and how it ended, and how far each rule has come.
//
// The layout is part of the interface (README.md): all numbers are 64 bits in the
// machine's byte order, and are only ever changed atomically.
#ifndef FAULTP11_COUNTS_H
#define FAULTP11_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "cryptoki.h"

enum { outcomes = 16, rule_states = 1024, functions_room = 96 };

#define COUNTS_MAGIC 0x3131507446415547ULL
#define COUNTS_VERSION 1

typedef _Atomic uint64_t cell;

struct outcome {
	cell value; // return value + 1; 0: unused
	cell count;
};

struct function_counts {
	cell calls;   // of the caller
	cell reached; // calls of the real function
	cell faults;  // calls in which a rule or the token's state took a hand
	cell spare;
	struct outcome real[outcomes]; // what the real function returned
	struct outcome told[outcomes]; // what the caller was told
};

// How far a rule has come, for all processes together or for this one.
struct rule_state {
	cell key;   // of the line in this version of the file; 0: unused
	cell order; // of being taken into use
	cell since; // CLOCK_MONOTONIC in ns when it was first read
	cell first; // the same when it first fired; 0: not yet
	cell seen;  // calls that it matched
	cell fired; // calls on which it acted
	cell owner; // process that saw it first, for "process first"
	cell spare;
};

struct counts {
	cell magic, version;
	cell changes; // raised by whoever has changed the rule file: it is read again at once
	cell taken;   // rule states taken into use
	cell spare[4];
	struct function_counts functions[functions_room];
	struct rule_state rules[rule_states];
};

extern struct counts *counts;

// counts_open maps the file at path, which may be NULL. It never fails: without
// a file the counts are this process's own.
void counts_open(const char *path);
void counts_outcome(struct outcome *list, CK_RV value);
// counts_rule returns the state with this key, a fresh one if there is none.
struct rule_state *counts_rule(uint64_t key, uint64_t now);

#endif
