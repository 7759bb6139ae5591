// names.c: functions and return values by name.
#include <stdlib.h>
#include <string.h>

#include "rules.h"

static const struct {
	const char *name;
	CK_RV value;
} errors[] = {
#define ERROR(name, value) {#name, value},
#include "errors.def"
#undef ERROR
};

static const char *const functions[] = {
#define FUNCTION(name, parameters, arguments, ...) #name,
	FUNCTIONS
#undef FUNCTION
};

bool error_value(const char *name, CK_RV *value)
{
	char *end;

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(errors[i].name, name) == 0) {
			*value = errors[i].value;
			return true;
		}
	if (strncmp(name, "0x", 2) != 0)
		return false;
	*value = strtoul(name, &end, 16);
	return end > name + 2 && *end == '\0';
}

const char *error_name(CK_RV value)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].value == value)
			return errors[i].name;
	return "another CKR";
}

const char *function_name(enum function f)
{
	return functions[f];
}
