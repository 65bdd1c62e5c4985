// SPDX-License-Identifier: GPL-2.0-or-later
#include "waiting.h"
#include "doing.h"

#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* False: not connected. *pid: the process that listens; 0: it is in another pid namespace. */
static bool peer_of(int fd, pid_t *pid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid == (uid_t)-1)
		return false;
	*pid = peer.pid;
	return true;
}

/* The state letter of proc_pid_stat(5); '\0': there is no such process. */
static char state_of(pid_t pid)
{
	char path[64], stat[512];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(AT_FDCWD, path, stat, sizeof(stat)) < 0)
		return '\0';
	end = strrchr(stat, ')'); /* the name before it may hold anything */
	return end && end[1] == ' ' ? end[2] : '\0';
}

/* True if divvyd has read all that was sent. */
static bool is_taken(int fd)
{
	int unread = 0;

	return ioctl(fd, SIOCOUTQ, &unread) == 0 && unread == 0;
}

static void explain_work(const struct doing *d, bool taken, char *text, size_t size)
{
	double seconds = (double)(clock_now_ns() - d->since_ns) / NSEC_PER_SEC;

	if (d->what[0] && d->by == getpid())
		snprintf(text, size, "it has been at work on this request for %.1f s", seconds);
	else if (d->what[0] && d->by)
		snprintf(text, size, "it has been busy for %.1f s with \"%s\" for process %d", seconds, d->what, d->by);
	else if (d->what[0])
		snprintf(text, size, "it has been busy for %.1f s with %s", seconds, d->what);
	else if (taken)
		snprintf(text, size,
			 "it has taken the request, and waits for something else (release: for packets that drain)");
	else
		snprintf(text, size, "it does not say why (journalctl -u divvyd)");
}

void waiting_explain(int fd, const char *path, unsigned int waited_s, char *text, size_t size)
{
	pid_t pid = 0;
	bool connected = peer_of(fd, &pid);
	char state = pid ? state_of(pid) : '?', why[160];
	struct doing d = { 0 };

	if (state == '\0') {
		snprintf(why, sizeof(why), "it has ended (systemctl start divvyd)");
	} else if (state == 'T' || state == 't') {
		snprintf(why, sizeof(why), "it is stopped (kill -CONT %d)", pid);
	} else {
		(void)doing_read(path, &d);
		explain_work(&d, connected && is_taken(fd), why, sizeof(why));
	}
	if (!connected)
		snprintf(text, size, "divvyd has taken no connection in %u s: %s", waited_s, why);
	else if (pid)
		snprintf(text, size, "no answer from divvyd (process %d) in %u s: %s", pid, waited_s, why);
	else
		snprintf(text, size, "no answer from divvyd in %u s: %s", waited_s, why);
}
