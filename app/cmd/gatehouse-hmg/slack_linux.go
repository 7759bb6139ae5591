package main

// Timers of gateway and workers may be late by 5 ms. That goes for Go's runtime too,
// whose watcher otherwise looks every 20 us whether a thread is still in the library
// or in the kernel, and then has another thread do what else there is to do: two that
// take turns on a processor that the call needs. Nothing here times so finely, and a
// call of a few milliseconds has ended by then. Calls that wait for an HSM have a
// processor of Go's each, see app/assembly/hmg/processors.go.
//
// All threads inherit it from the first one, so that has to have it before Go's
// runtime starts. See PR_SET_TIMERSLACK in prctl(2).

/*
#include <sys/prctl.h>

__attribute__((constructor)) static void slack(void)
{
	prctl(PR_SET_TIMERSLACK, 5000000UL, 0UL, 0UL, 0UL);
}
*/
import "C"
