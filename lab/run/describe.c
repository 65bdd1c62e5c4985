/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where and when a result was got. */

#include "result.h"

#include "base/cleanup.h"
#include "lab/proc/programs.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

static void first_line(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

void result_date(char text[RESULT_DATE_SIZE])
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, RESULT_DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

void result_describe(struct result *r)
{
	_cleanup_free_ char *cpu = NULL, *commit = NULL;
	struct utsname u;

	uname(&u);
	first_line(r->host_kernel, sizeof(r->host_kernel), u.release);
	result_date(r->date);
	if (proc_read_ns(NULL, "/proc/cpuinfo", &cpu) == 0) {
		const char *model = strstr(cpu, "model name");
		const char *colon = model ? strchr(model, ':') : NULL;

		snprintf(r->machine, sizeof(r->machine), "%ld x %.*s", sysconf(_SC_NPROCESSORS_ONLN),
			 colon ? (int)strcspn(colon + 2, "\n") : 7, colon ? colon + 2 : "unknown");
	}
	if (proc_run(NULL, &commit, NULL, "git -C %s describe --always --dirty", program_scenarios()) == 0)
		first_line(r->commit, sizeof(r->commit), commit);
}
