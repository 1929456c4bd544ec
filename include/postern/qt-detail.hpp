/* SPDX-License-Identifier: Apache-2.0 */
/* postern/qt-detail.hpp - helpers for postern-qt.hpp; not for programs */
#ifndef POSTERN_QT_DETAIL_HPP
#define POSTERN_QT_DETAIL_HPP
#include <postern.hpp>
#include <QAbstractEventDispatcher>
#include <QEvent>
#include <QPair>
#include <QPointer>
#include <QSocketNotifier>
#include <QString>
#include <QThread>
#include <memory>
#include <utility>

Q_DECLARE_METATYPE(postern::reason)

namespace postern {
namespace qt {

/* Registers the argument types by name: Qt 5 looks them up when a queued signal is first delivered. */
inline void know_types()
{
	static const int known = qRegisterMetaType<reason>("postern::reason");

	(void)known;
}

using Failure = QPair<reason, QString>;

/* The Postern loop of one thread, watched as a descriptor by Qt. The objects emit what a turn brings, later. */
class Loop : public QSocketNotifier {
public:
	postern_loop *const c;

	static std::shared_ptr<Loop> of(const QObject *o, Failure *ret)
	{
		static thread_local std::weak_ptr<Loop> here;
		std::shared_ptr<Loop> l = here.lock();
		postern_loop *c = nullptr;

		if (o->thread() != QThread::currentThread())
			l = nullptr, *ret = {reason::failed, QStringLiteral("called in a thread that is not the object's")};
		else if (!QAbstractEventDispatcher::instance())
			l = nullptr, *ret = {reason::failed, QStringLiteral("no event loop of Qt's in this thread: make a QCoreApplication first")};
		else if (!l && postern_loop_new(&c) < 0)
			*ret = why();
		else if (!l)
			here = l = std::make_shared<Loop>(c);
		return l;
	}
	static Failure why(const postern_reason *r = postern_why()) { return {reason{r->code}, QString::fromUtf8(r->text)}; }

	explicit Loop(postern_loop *l) : QSocketNotifier(postern_loop_fd(l), QSocketNotifier::Read), c(l) {}
	~Loop() override
	{
		setEnabled(false); /* before its descriptor is closed */
		postern_loop_free(c);
	}
	/* Overridden instead of using its signal, whose arguments differ between versions of Qt. */
	bool event(QEvent *e) override
	{
		if (e->type() != QEvent::SockAct)
			return QSocketNotifier::event(e);
		if (postern_loop_dispatch(c, 0) < 0)
			setEnabled(false); /* in a child of fork() */
		return true;
	}
};

/* Signals wait for Qt's event loop: next() emits one, and returns false if none is pending. */
struct Telling {
	bool due = false, now = false;

	template <class T> void later(T *t)
	{
		if (std::exchange(due, true))
			return;
		QMetaObject::invokeMethod(t, [this, t] {
			QPointer<T> alive(t);
			due = false;
			if (now)
				return; /* a slot of t runs an event loop; the outer call emits the rest */
			now = true;
			while (t->next())
				if (!alive)
					return;
			now = false;
		}, Qt::QueuedConnection);
	}
};

} // namespace qt
} // namespace postern
#endif
