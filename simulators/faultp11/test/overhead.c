// overhead WRAPPED REAL SLOT: prints how long C_GetSessionInfo takes through the
// module and without it, in ns per call.
#include <pthread.h>
#include <time.h>

#include "application.h"

enum { calls = 2000000 };

static const CK_FUNCTION_LIST *module;
static CK_SLOT_ID slot;

static void *work(void *unused)
{
	CK_SESSION_HANDLE session;
	CK_ULONG info[8];

	(void)unused;
	check("opening a session", module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
	for (int i = 0; i < calls; i++)
		module->C_GetSessionInfo(session, info);
	return NULL;
}

static double measure(int threads)
{
	struct timespec from, to;
	pthread_t thread[8];

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, work, NULL);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / calls / threads;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	slot = strtoul(argv[3], NULL, 10);
	for (int i = 2; i >= 1; i--) {
		module = load(argv[i]);
		for (int threads = 1; threads <= 2; threads++)
			printf("%-8s %d threads: %6.1f ns per call\n", i == 1 ? "wrapped" : "real", threads, measure(threads));
		module->C_Finalize(NULL);
	}
	return 0;
}
