// log.h: faults that were injected go to the file FAULTP11_LOG, one line each;
// problems with the module's own files go there and to stderr. Never a
// parameter of a call.
#ifndef FAULTP11_LOG_H
#define FAULTP11_LOG_H

#define PRINTF_LIKE __attribute__((format(printf, 1, 2)))

void log_fault(const char *format, ...) PRINTF_LIKE;
void log_problem(const char *format, ...) PRINTF_LIKE;

#endif
