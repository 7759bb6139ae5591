#define _GNU_SOURCE // dladdr
#include "settings.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings settings;

static const struct {
	const char *name;
	const char **value;
} known[] = {
	{"FAULTP11_MODULE", &settings.module},
	{"FAULTP11_RULES", &settings.rules},
	{"FAULTP11_LOG", &settings.log},
	{"FAULTP11_COUNTS", &settings.counts},
};

// Other names are put into the environment: so two wrapped modules in one
// configuration can each have their own SOFTHSM2_CONF.
static void set(const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(name, known[i].name) == 0) {
			*known[i].value = strdup(value);
			return;
		}
	setenv(name, value, 1);
}

static void read_beside(const char *module)
{
	char path[4096], line[4096];

	if ((size_t)snprintf(path, sizeof path, "%s.conf", module) >= sizeof path)
		return;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return;
	while (fgets(line, sizeof line, file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		char *equals = strchr(line, '=');
		if (line[0] == '#' || equals == NULL)
			continue;
		*equals = '\0';
		set(line, equals + 1);
	}
	fclose(file);
}

void settings_load(void)
{
	Dl_info self;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const char *value = getenv(known[i].name);
		if (value != NULL && *value != '\0')
			*known[i].value = strdup(value);
	}
	if (dladdr((void *)&settings, &self) != 0 && self.dli_fname != NULL)
		read_beside(self.dli_fname);
}
