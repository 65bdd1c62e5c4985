// SPDX-License-Identifier: GPL-2.0-or-later
#include "sight.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/printable.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MOUNTINFO_MAX (1024 * 1024)

static const struct {
	const char *cause, *way_out;
} limits[] = {
	[SIGHT_FULL] = { NULL, NULL },
	[SIGHT_NO_PROC] = { "/proc cannot be read", "mount it, or loosen ProtectProc= of divvyd.service" },
	[SIGHT_HIDDEN] = { "/proc hides processes (hidepid), and divvyd lacks CAP_SYS_PTRACE",
			   "give it that right (CapabilityBoundingSet= of divvyd.service)" },
	[SIGHT_NO_PTRACE] = { "divvyd lacks CAP_SYS_PTRACE",
			      "give it that right (CapabilityBoundingSet= of divvyd.service)" },
	[SIGHT_YAMA] = { "kernel.yama.ptrace_scope is 3", "nic: finds vNICs all the same, without backpressure" },
	[SIGHT_REFUSED] = { "the kernel refuses it", "nic: finds vNICs all the same, without backpressure" },
};

bool sight_same(const struct vmm_sight *a, const struct vmm_sight *b)
{
	return a->limit == b->limit && a->error == b->error && a->n == b->n && a->pid == b->pid &&
	       strcmp(a->name, b->name) == 0;
}

static void set_limit(struct vmm_sight *s, enum sight_limit limit)
{
	s->limit = limit;
	s->cause = limits[limit].cause;
}

void sight_no_proc(struct vmm_sight *s, int error)
{
	*s = (struct vmm_sight){ .error = error };
	set_limit(s, SIGHT_NO_PROC);
}

const char *sight_text(const struct vmm_sight *s, char buf[SIGHT_TEXT_SIZE])
{
	char what[160] = "divvyd may not look into this host's processes", why[80] = "";

	if (s->n == 1)
		snprintf(what, sizeof(what), "divvyd may not look into a process that looks like a VMM (%.60s, process %d)",
			 s->name, (int)s->pid);
	else if (s->n)
		snprintf(what, sizeof(what),
			 "divvyd may not look into %zu processes that look like VMMs (one is %.60s, process %d)", s->n,
			 s->name, (int)s->pid);
	if (s->error && (s->limit == SIGHT_REFUSED || s->limit == SIGHT_NO_PROC))
		snprintf(why, sizeof(why), " (%s)", strerror(-s->error));
	buf[0] = '\0';
	if (s->limit != SIGHT_FULL)
		snprintf(buf, SIGHT_TEXT_SIZE, "%s: %s%s; %s", what, s->cause, why, limits[s->limit].way_out);
	return buf;
}

void sight_note(struct vmm_sight *s, pid_t pid, const char *name, bool vmm, int error)
{
	if (!vmm || s->n++)
		return;
	s->error = error;
	s->pid = pid;
	printable_name(name, s->name, sizeof(s->name));
}

/* Whether the root of /proc is mounted so that it hides processes: proc(5), hidepid=. */
static bool hides_processes(int rootdir)
{
	_cleanup_free_ char *mounts = NULL;
	char *line, *rest = NULL;

	if (file_read_alloc(rootdir, "self/mountinfo", MOUNTINFO_MAX, &mounts) < 0)
		return false;
	for (line = strtok_r(mounts, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *type = strstr(line, " - proc ");
		const char *at = strstr(line, " /proc ");
		const char *hide = type && at && at < type ? strstr(type, "hidepid=") : NULL;

		if (hide && strncmp(hide, "hidepid=0", 9) != 0 && strncmp(hide, "hidepid=off", 11) != 0)
			return true;
	}
	return false;
}

static bool yama_forbids(int rootdir)
{
	char text[16];

	return file_read(rootdir, "sys/kernel/yama/ptrace_scope", text, sizeof(text)) > 0 && text[0] >= '3';
}

void sight_judge(struct vmm_sight *s, const char *root, bool has_ptrace)
{
	_cleanup_close_ int rootdir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	set_limit(s, SIGHT_FULL);
	if (s->n && yama_forbids(rootdir))
		set_limit(s, SIGHT_YAMA);
	else if (!has_ptrace && hides_processes(rootdir))
		set_limit(s, SIGHT_HIDDEN);
	else if (s->n)
		set_limit(s, has_ptrace ? SIGHT_REFUSED : SIGHT_NO_PTRACE);
}
