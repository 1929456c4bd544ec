// SPDX-License-Identifier: Apache-2.0
// defects:
// W1 the timer slot sits in a loop until the daemon is there
// W3 the answer is awaited with -1
// L4 the socket is deleted and then asked for its error text
// L2 the socket of a failed round is left behind by an early return
// E5 connectToServer() by a socket whose errors nobody hears and whose state nobody asks
#include <QApplication>
#include <QDebug>
#include <QLocalSocket>
#include <QMenu>
#include <QStringList>
#include <QSystemTrayIcon>
#include <QThread>
#include <QTimer>

class BatteryMonitor : public QObject
{
	Q_OBJECT

public:
	BatteryMonitor(QObject *parent = 0);
	~BatteryMonitor();

private slots:
	void poll();
	void sendMode();

private:
	void show(const QString &text, bool low);
	bool ask(QLocalSocket *s, const QByteArray &question, QByteArray *answer);

	QSystemTrayIcon *icon;
	QMenu *menu;
	QTimer *timer;
	QLocalSocket *control;
};

BatteryMonitor::BatteryMonitor(QObject *parent)
	: QObject(parent)
{
	icon = new QSystemTrayIcon(QIcon::fromTheme("battery"), this);
	menu = new QMenu;
	QAction *saver = menu->addAction("Power saver");
	saver->setCheckable(true);
	connect(saver, SIGNAL(triggered()), this, SLOT(sendMode()));
	menu->addAction("Quit", qApp, SLOT(quit()));
	icon->setContextMenu(menu);
	icon->show();

	control = new QLocalSocket(this);
	control->connectToServer("powerd-control"); // @E5

	timer = new QTimer(this);
	timer->setInterval(15000);
	connect(timer, SIGNAL(timeout()), this, SLOT(poll()));
	timer->start();
	QTimer::singleShot(0, this, SLOT(poll()));
}

BatteryMonitor::~BatteryMonitor()
{
	delete menu;
}

void BatteryMonitor::sendMode()
{
	QAction *action = qobject_cast<QAction *>(sender());
	if (!action)
		return;
	control->write(action->isChecked() ? "mode saver\n" : "mode normal\n");
	control->flush();
}

bool BatteryMonitor::ask(QLocalSocket *s, const QByteArray &question, QByteArray *answer)
{
	if (s->write(question + '\n') < 0)
		return false;
	while (!s->canReadLine()) { // @W1?
		if (s->bytesAvailable() > 512)
			return false;
		if (!s->waitForReadyRead(-1)) // @W3
			return false;
	}
	*answer = s->readLine(512).trimmed();
	return true;
}

void BatteryMonitor::poll()
{
	QLocalSocket *socket = new QLocalSocket; // @L2
	int tries = 0;
	for (;;) { // @W1
		socket->connectToServer("powerd");
		if (socket->waitForConnected(500)) // @E5?
			break;
		qDebug() << "powerd not there," << ++tries << "tries";
		socket->abort();
		QThread::msleep(250);
	}

	QByteArray level;
	if (!ask(socket, "level", &level)) {
		delete socket;
		show("no answer: " + socket->errorString(), false); // @L4
		return;
	}

	QByteArray source;
	if (!ask(socket, "source", &source)) {
		show("no answer", false);
		return;
	}
	socket->disconnectFromServer();
	delete socket;

	bool ok = false;
	const int percent = level.toInt(&ok);
	if (!ok || percent < 0 || percent > 100) {
		show("powerd talks nonsense", false);
		return;
	}
	show(QString("%1 %, on %2").arg(percent).arg(QString::fromLatin1(source)), percent < 10);
}

void BatteryMonitor::show(const QString &text, bool low)
{
	icon->setToolTip(text);
	icon->setIcon(QIcon::fromTheme(low ? "battery-caution" : "battery"));
	if (low)
		icon->showMessage("Battery", text, QSystemTrayIcon::Warning, 10000);
}

int main(int argc, char **argv)
{
	QApplication app(argc, argv);
	app.setQuitOnLastWindowClosed(false);
	BatteryMonitor monitor;
	return app.exec();
}

#include "qt-tray-monitor.moc"
