// SPDX-License-Identifier: GPL-2.0-or-later
#include "vhost.h"

#include "tunfd.h"

#include "base/cleanup.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int vhost_net_count(int procdir)
{
	_cleanup_close_ int fddir = openat(procdir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = NULL;
	struct dirent *e;
	int n = 0;

	if (fddir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	dir = fdopendir(fddir);
	if (!dir)
		return -errno;
	fddir = -1;
	while ((e = readdir(dir)))
		n += e->d_name[0] >= '0' && e->d_name[0] <= '9' &&
		     fd_is_of(dirfd(dir), e->d_name, "/vhost-net");
	return n;
}
