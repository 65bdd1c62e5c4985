// SPDX-License-Identifier: GPL-2.0-or-later
#include "vms.h"

#include "base/log.h"
#include "datapath/inventory.h"

int vms_read(struct daemon *d, bool fresh)
{
	int r = inventory_vms(&d->host, d->records, fresh);
	const char *line;

	d->vms_error = r < 0 && d->host.sight.limit == SIGHT_FULL ? r : 0; /* of the rest sight tells */
	while ((line = records_news(d->records)))
		log_warning("%s", line);
	return r;
}
