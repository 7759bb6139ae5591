// application.h: what the programs of this folder need to be a PKCS#11 application.
#ifndef FAULTP11_TEST_APPLICATION_H
#define FAULTP11_TEST_APPLICATION_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "../src/cryptoki.h"

// CK_C_INITIALIZE_ARGS that allow threads (CKF_OS_LOCKING_OK).
struct initialize_args {
	void *mutexes[4];
	CK_FLAGS flags;
	void *reserved;
};

static const CK_FUNCTION_LIST *load(const char *path)
{
	struct initialize_args args = {.flags = 2};
	CK_RV (*get)(const CK_FUNCTION_LIST **) = NULL;
	const CK_FUNCTION_LIST *module = NULL;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (library != NULL)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (get == NULL || get(&module) != CKR_OK || module->C_Initialize(&args) != CKR_OK) {
		fprintf(stderr, "%s cannot be used\n", path);
		exit(2);
	}
	return module;
}

// check ends the program when a call that must work does not.
static void check(const char *what, CK_RV value)
{
	if (value == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx\n", what, value);
	exit(1);
}

#endif
