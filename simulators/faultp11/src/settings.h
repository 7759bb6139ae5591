// settings.h: where the module finds what it works with. Read once, when the
// module is loaded: from the file beside the module that has its name with
// ".conf" at the end, line by line KEY=VALUE, else from the environment.
#ifndef FAULTP11_SETTINGS_H
#define FAULTP11_SETTINGS_H

struct settings {
	const char *module; // FAULTP11_MODULE: path of the real module
	const char *rules;  // FAULTP11_RULES: path of the rule file
	const char *log;    // FAULTP11_LOG: path of the log of faults
	const char *counts; // FAULTP11_COUNTS: path of the file of counts
};

extern struct settings settings;

void settings_load(void);

#endif
