/* SPDX-License-Identifier: Apache-2.0 */
/* postern/qt-detail.hpp - what the objects of postern-qt.hpp stand on; not for programs */
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

/* By their names, for signals from one thread to another: Qt 5 asks for them when the first one comes. */
inline void know_types()
{
	static const int known = qRegisterMetaType<reason>("postern::reason");

	(void)known;
}

using Failure = QPair<reason, QString>;

/* The Postern loop of one thread, as a descriptor in Qt's. What a turn brings, the objects tell later. */
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
		setEnabled(false); /* before its descriptor goes */
		postern_loop_free(c);
	}
	/* In place of its signal, whose arguments differ between versions of Qt. */
	bool event(QEvent *e) override
	{
		if (e->type() != QEvent::SockAct)
			return QSocketNotifier::event(e);
		if (postern_loop_dispatch(c, 0) < 0)
			setEnabled(false); /* in a child of fork() */
		return true;
	}
};

/* What an object has to tell waits for Qt's event loop: next() tells one thing, false when there is none. */
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
				return; /* a slot of t runs an event loop; the rest comes when it returns */
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
