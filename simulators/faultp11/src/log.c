#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "settings.h"

// One write of one line to a file opened for appending: lines of several
// processes do not mix.
static void append(const char *text)
{
	char line[1024];
	struct timespec now;
	struct tm utc;

	if (settings.log == NULL)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
	int more = snprintf(line + n, sizeof line - n, ".%06ldZ %d %s\n", now.tv_nsec / 1000, (int)getpid(), text);
	n = (size_t)more < sizeof line - n ? n + (size_t)more : sizeof line - 1;
	line[n - 1] = '\n';
	int file = open(settings.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (file < 0)
		return;
	if (write(file, line, n) != (ssize_t)n)
		fprintf(stderr, "faultp11: cannot write to %s\n", settings.log);
	close(file);
}

void log_fault(const char *format, ...)
{
	char text[900];
	va_list list;

	if (settings.log == NULL)
		return;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	append(text);
}

void log_problem(const char *format, ...)
{
	char text[900] = "problem: ";
	size_t n = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + n, sizeof text - n, format, list);
	va_end(list);
	fprintf(stderr, "faultp11: %s\n", text + n);
	append(text);
}
