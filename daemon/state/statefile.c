// SPDX-License-Identifier: GPL-2.0-or-later
#include "statefile.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A state of 4,096 devices has about 2 MiB. */
#define SIZE_MAX_BYTES (64 << 20)

__attribute__((format(printf, 4, 5))) static int unusable(int error, char *why, size_t size, const char *form,
							  ...)
{
	va_list ap;

	va_start(ap, form);
	vsnprintf(why, size, form, ap);
	va_end(ap);
	return error;
}

/* Root runs what stands there: it is believed only where no one else can have written it. */
static int check_file(int fd, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return unusable(-errno, why, size, "cannot be read: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return unusable(-EISDIR, why, size, "is a directory");
	if (!S_ISREG(st.st_mode))
		return unusable(-EBADF, why, size, "is no regular file");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return unusable(-EPERM, why, size, "belongs to user %u", st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return unusable(-EPERM, why, size, "can be written by others than its owner");
	if (st.st_size == 0)
		return unusable(-ENODATA, why, size, "is empty");
	if (st.st_size > SIZE_MAX_BYTES)
		return unusable(-EFBIG, why, size, "is too large");
	return 0;
}

/* --- shape -------------------------------------------------------------------------------------- */

static bool hook_is_whole(json_t *j)
{
	json_int_t ifindex;
	const char *name;
	int ours;

	return json_unpack(j, "{s:I,s:s,s:b}", "ifindex", &ifindex, "name", &name, "ours", &ours) == 0;
}

static bool held_is_whole(json_t *j)
{
	json_int_t ifindex, pid, start, queues;
	const char *nic;
	int before, now;

	return json_unpack(j, "{s:I,s:s,s:I,s:I,s:i,s:i,s:I}", "ifindex", &ifindex, "nic", &nic, "pid", &pid,
			   "start_time", &start, "before", &before, "now", &now, "queues", &queues) == 0;
}

static bool list_is_whole(const json_t *list, bool (*is_whole)(json_t *j))
{
	json_t *j;
	size_t i;

	json_array_foreach (list, i, j)
		if (!is_whole(j))
			return false;
	return json_is_array(list);
}

/* NULL: all is there; else the key of the part that is not. */
static const char *broken_part(const json_t *root)
{
	const json_t *spec = json_object_get(root, "spec");

	return spec && !json_is_string(spec)                                 ? "spec" :
	       !json_is_string(json_object_get(root, "boot"))                ? "boot" :
	       !json_is_integer(json_object_get(root, "file_hash"))          ? "file_hash" :
	       !json_is_object(json_object_get(root, "minors"))              ? "minors" :
	       !list_is_whole(json_object_get(root, "hooks"), hook_is_whole) ? "hooks" :
	       !list_is_whole(json_object_get(root, "held"), held_is_whole)  ? "held" :
									       NULL;
}

static int check_content(const json_t *root, const json_error_t *err, char *why, size_t size)
{
	const json_t *version = json_object_get(root, "version");
	const char *part;

	if (!root)
		return unusable(-EBADMSG, why, size, "is cut short or damaged (line %d: %s)", err->line,
				err->text);
	if (!json_is_integer(version))
		return unusable(-EBADMSG, why, size, "is no state of divvyd's");
	if (json_integer_value(version) != STATEFILE_VERSION)
		return unusable(-EPROTO, why, size, "has version %lld, and this divvyd knows version %d",
				(long long)json_integer_value(version), STATEFILE_VERSION);
	part = broken_part(root);
	return part ? unusable(-EBADMSG, why, size, "is damaged: \"%s\" is not as divvyd writes it", part) :
		      0;
}

int statefile_read(const char *dir, json_t **root, char *why, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	json_error_t err;
	json_t *j;
	int r;

	snprintf(path, sizeof(path), "%s/" STATEFILE_NAME, dir);
	/* O_NONBLOCK: a FIFO must not hold up the start. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT :
					 unusable(-errno, why, size, "cannot be read: %s", strerror(errno));
	r = check_file(fd, why, size);
	if (r < 0)
		return r;
	j = json_loadfd(fd, JSON_REJECT_DUPLICATES, &err);
	r = check_content(j, &err, why, size);
	if (r < 0)
		json_decref(j);
	else
		*root = j;
	return r;
}

void statefile_boot_id(char id[STATEFILE_BOOT_SIZE])
{
	char text[64];

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) < 0)
		text[0] = '\0';
	snprintf(id, STATEFILE_BOOT_SIZE, "%.36s", text);
}
