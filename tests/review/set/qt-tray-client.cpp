// SPDX-License-Identifier: Apache-2.0
// correct: connectToServer() stands alone in its function, but the error signal is connected in
// setupSocket(); the reconnect is a timer with back-off, not a loop, and the loop at quit is
// bounded by a clock
#include <QAction>
#include <QApplication>
#include <QElapsedTimer>
#include <QIcon>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocalSocket>
#include <QMenu>
#include <QSystemTrayIcon>
#include <QTimer>

class TrayClient : public QObject {
	Q_OBJECT

public:
	TrayClient(const QString &server, QObject *parent = nullptr);
	~TrayClient() override;

private slots:
	void connectNow();
	void onConnected();
	void onDisconnected();
	void onError(QLocalSocket::LocalSocketError error);
	void onReadyRead();
	void onPause(bool paused);

private:
	void setupMenu();
	void setupSocket();
	void scheduleReconnect();
	void show(const QString &icon, const QString &tip);
	void send(const QJsonObject &object);

	QString server_;
	QLocalSocket *socket_ = nullptr;
	QTimer retry_;
	int delay_ = 500;
	QScopedPointer<QMenu> menu_;
	QSystemTrayIcon tray_;
	QAction *pause_ = nullptr;
};

TrayClient::TrayClient(const QString &server, QObject *parent)
	: QObject(parent), server_(server)
{
	setupMenu();
	setupSocket();
	retry_.setSingleShot(true);
	connect(&retry_, &QTimer::timeout, this, &TrayClient::connectNow);
	tray_.show();
	connectNow();
}

TrayClient::~TrayClient()
{
	socket_->disconnect(this);
	socket_->disconnectFromServer();
	QElapsedTimer clock;
	clock.start();
	while (socket_->state() == QLocalSocket::ClosingState && !clock.hasExpired(1000)) {
		if (!socket_->waitForDisconnected(200)
		    && socket_->error() != QLocalSocket::SocketTimeoutError)
			break;
	}
}

void TrayClient::setupMenu()
{
	menu_.reset(new QMenu);
	pause_ = menu_->addAction(tr("Pause"));
	pause_->setCheckable(true);
	connect(pause_, &QAction::toggled, this, &TrayClient::onPause);
	connect(menu_->addAction(tr("Quit")), &QAction::triggered, qApp, &QApplication::quit);
	tray_.setContextMenu(menu_.data());
}

void TrayClient::setupSocket()
{
	socket_ = new QLocalSocket(this);
	socket_->setReadBufferSize(16384);
	connect(socket_, &QLocalSocket::connected, this, &TrayClient::onConnected);
	connect(socket_, &QLocalSocket::disconnected, this, &TrayClient::onDisconnected);
	connect(socket_, &QLocalSocket::readyRead, this, &TrayClient::onReadyRead);
#if QT_VERSION >= QT_VERSION_CHECK(5, 15, 0)
	connect(socket_, &QLocalSocket::errorOccurred, this, &TrayClient::onError);
#else
	connect(socket_, QOverload<QLocalSocket::LocalSocketError>::of(&QLocalSocket::error), this,
		&TrayClient::onError);
#endif
}

void TrayClient::connectNow()
{
	if (socket_->state() != QLocalSocket::UnconnectedState)
		return;
	show(QStringLiteral("network-idle"), tr("connecting"));
	socket_->connectToServer(server_);
}

void TrayClient::onConnected()
{
	delay_ = 500;
	show(QStringLiteral("network-transmit-receive"), tr("connected"));
	send({{QStringLiteral("op"), QStringLiteral("subscribe")}});
}

void TrayClient::onDisconnected()
{
	show(QStringLiteral("network-offline"), tr("not connected"));
	scheduleReconnect();
}

void TrayClient::onError(QLocalSocket::LocalSocketError error)
{
	if (error != QLocalSocket::PeerClosedError)
		show(QStringLiteral("network-error"), socket_->errorString());
	scheduleReconnect();
}

void TrayClient::scheduleReconnect()
{
	if (retry_.isActive())
		return;
	retry_.start(delay_);
	delay_ = qMin(delay_ * 2, 60000);
}

void TrayClient::onReadyRead()
{
	while (socket_->canReadLine()) {
		const QByteArray line = socket_->readLine(16384);
		QJsonParseError why;
		const QJsonDocument doc = QJsonDocument::fromJson(line, &why);
		if (why.error != QJsonParseError::NoError || !doc.isObject())
			continue;
		const QJsonObject o = doc.object();
		if (o.value(QLatin1String("event")) == QLatin1String("progress"))
			show(QStringLiteral("emblem-synchronizing"),
			     tr("%1 files left").arg(o.value(QLatin1String("left")).toInt()));
		else if (o.value(QLatin1String("event")) == QLatin1String("idle"))
			show(QStringLiteral("emblem-default"), tr("up to date"));
	}
	if (socket_->bytesAvailable() >= 16384)
		socket_->abort();
}

void TrayClient::onPause(bool paused)
{
	send({{QStringLiteral("op"), paused ? QStringLiteral("pause") : QStringLiteral("resume")}});
}

void TrayClient::show(const QString &icon, const QString &tip)
{
	tray_.setIcon(QIcon::fromTheme(icon));
	tray_.setToolTip(tip);
}

void TrayClient::send(const QJsonObject &object)
{
	if (socket_->state() != QLocalSocket::ConnectedState)
		return;
	socket_->write(QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n');
}

int main(int argc, char **argv)
{
	QApplication app(argc, argv);
	app.setQuitOnLastWindowClosed(false);
	TrayClient client(QStringLiteral("filesync"));
	return app.exec();
}

#include "qt-tray-client.moc"
