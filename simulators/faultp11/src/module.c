// module.c: the module's function list. Every function is a wrapper made from
// functions.h; the only exported symbol is C_GetFunctionList, which loads the
// real module the first time.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "counts.h"
#include "log.h"
#include "rules.h"
#include "settings.h"
#include "wrap.h"

const CK_FUNCTION_LIST *real_module;

// What the descriptions in functions.h mean.
#define SLOT c.has_slot = true; c.slot = slot;
#define SESSION c.session = &session;
#define OBJECT(handle) c.objects[0] = &(handle);
#define KEY(handle) c.objects[0] = &(handle); c.keys = true;
#define KEY2(handle) c.objects[1] = &(handle);
#define MADE(handle) c.made[0] = (handle);
#define MADE2(handle) c.made[1] = (handle);
#define PRESENT(only) c.present = (only);
#define RESULT(pointer) c.result = (pointer);
#define TEMPLATE(list, n) c.template = (list); c.attributes = (n);
#define OUTPUT(list, n, of) c.out = (list); c.size = (n); c.unit = (of);
#define BYTES(list, n) OUTPUT(list, n, 1)
#define LIST(list, n) OUTPUT(list, n, sizeof *(list))
#define FOUND(list, n, max) c.found = (list); c.out = (list); c.size = (n); c.unit = sizeof *(list); c.room = (max);

#define FUNCTION(name, parameters, arguments, ...) \
	static CK_RV wrapped_##name parameters \
	{ \
		struct call c = {.function = function_##name}; \
		__VA_ARGS__ \
		CK_RV real = CKR_OK; \
		if (call_begin(&c)) \
			real = real_module->name arguments; \
		return call_end(&c, real); \
	}
// clang-format off
FUNCTIONS
// clang-format on
#undef FUNCTION

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

// clang-format off
const CK_FUNCTION_LIST wrapped_module = {
	.version = {2, 40},
#define FUNCTION(name, parameters, arguments, ...) .name = wrapped_##name,
	FUNCTIONS
#undef FUNCTION
};
// clang-format on

static void load(void)
{
	settings_load();
	counts_open(settings.counts);
	if (settings.module == NULL) {
		log_problem("FAULTP11_MODULE is not set: it names the module to wrap");
		return;
	}
	void *library = dlopen(settings.module, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		log_problem("loading the real module: %s", dlerror());
		return;
	}
	CK_RV (*get)(const CK_FUNCTION_LIST **) = NULL;
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	const CK_FUNCTION_LIST *list = NULL;
	if (get == NULL || get(&list) != CKR_OK || list == NULL)
		log_problem("%s: no C_GetFunctionList", settings.module);
	else
		real_module = list;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	if (list == NULL)
		return CKR_ARGUMENTS_BAD;
	if (real_module == NULL)
		return CKR_GENERAL_ERROR;
	*list = (CK_FUNCTION_LIST *)&wrapped_module;
	return CKR_OK;
}
