#include "shown.h"
#include <sys/socket.h>

class ShownPrivate
{
public:
	Q_DECLARE_PUBLIC(Shown)
	Shown *q_ptr;
	QItemSelectionModel *m_other;
};

void Shown::follow(QItemSelectionModel *other)
{
	Q_D(Shown);
	d->m_other = other;
	connect(d->m_other, SIGNAL(changed(QModelIndex)), SLOT(look(QModelIndex)));
	connect(other, SIGNAL(reset()), this, SLOT(look()));
	connect(other, &QItemSelectionModel::reset, this, &Shown::again);
	connect(other, &QItemSelectionModel::reset, this, [this] { again(); }, Qt::QueuedConnection);
	connect(this, SIGNAL(a()), SIGNAL(b()));
}

void Shown::dial(int fd, const sockaddr *to)
{
	::connect(fd, to, sizeof(*to)); // E1
}

void dial(int fd, const sockaddr *to)
{
	connect(fd, to, sizeof(*to)); // E1
}
