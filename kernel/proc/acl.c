// SPDX-License-Identifier: GPL-2.0-or-later
#include "acl.h"

#include "base/cleanup.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <sys/xattr.h>

/* The list as its extended attribute: include/uapi/linux/posix_acl_xattr.h. Entries are in the order of their tags. */
int acl_share_with(const char *path, gid_t gid)
{
	const uint16_t rw = htole16(ACL_READ | ACL_WRITE);
	const uint32_t no_id = htole32((uint32_t)ACL_UNDEFINED_ID);
	const struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[5];
	} list = {
		.header = { .a_version = htole32(POSIX_ACL_XATTR_VERSION) },
		.entries = {
			{ htole16(ACL_USER_OBJ), rw, no_id },
			{ htole16(ACL_GROUP_OBJ), rw, no_id },
			{ htole16(ACL_GROUP), rw, htole32(gid) },
			{ htole16(ACL_MASK), rw, no_id },
			{ htole16(ACL_OTHER), 0, no_id },
		},
	};

	_Static_assert(sizeof(list) == 4 + 5 * 8, "as the kernel reads it");
	return setxattr(path, "system.posix_acl_access", &list, sizeof(list), 0) < 0 ? -errno : 0;
}
