// SPDX-License-Identifier: Apache-2.0
// correct: "new Session" is dropped on the floor, but each session takes its socket over as a
// child and deletes itself when the peer leaves or idles
#include "session.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QDebug>

static constexpr int kMaxLine = 4096;
static constexpr int kIdleMs = 120000;
static constexpr qint64 kMaxBacklog = 256 * 1024;

Session::Session(QLocalSocket *socket, QSettings &store)
	: _socket(socket), _store(store)
{
	_socket->setParent(this);
	_socket->setReadBufferSize(kMaxLine);
	connect(_socket, &QLocalSocket::readyRead, this, &Session::onReadyRead);
	connect(_socket, &QLocalSocket::disconnected, this, &QObject::deleteLater);

	_idle.setSingleShot(true);
	connect(&_idle, &QTimer::timeout, this, [this] { _socket->abort(); });
	_idle.start(kIdleMs);

	if (_socket->bytesAvailable() > 0)
		onReadyRead();
	if (_socket->state() == QLocalSocket::UnconnectedState)
		deleteLater();
}

void Session::onReadyRead()
{
	_idle.start(kIdleMs);
	while (_socket->canReadLine()) {
		QByteArray line = _socket->readLine(kMaxLine);
		if (line.endsWith('\n'))
			line.chop(1);
		handle(line);
	}
	if (_socket->bytesAvailable() >= kMaxLine && !_socket->canReadLine()) {
		qInfo() << "session: line too long, closing";
		_socket->abort();
	}
}

void Session::handle(const QByteArray &line)
{
	const int space = line.indexOf(' ');
	const QByteArray verb = space < 0 ? line : line.left(space);
	const QByteArray rest = space < 0 ? QByteArray() : line.mid(space + 1);

	if (verb == "get") {
		const QVariant v = _store.value(QString::fromUtf8(rest));
		reply(v.isValid() ? "value " + v.toString().toUtf8().toBase64() : QByteArray("none"));
	} else if (verb == "set") {
		const int eq = rest.indexOf('=');
		if (eq <= 0) {
			reply("error syntax");
			return;
		}
		_store.setValue(QString::fromUtf8(rest.left(eq)),
				QString::fromUtf8(QByteArray::fromBase64(rest.mid(eq + 1))));
		_store.sync();
		reply(_store.status() == QSettings::NoError ? "ok" : "error store");
	} else if (verb == "list") {
		const QStringList keys = _store.allKeys();
		for (const QString &key : keys)
			reply("key " + key.toUtf8().toBase64());
		reply("ok");
	} else if (verb == "bye") {
		reply("ok");
		_socket->disconnectFromServer();
	} else {
		reply("error verb");
	}
}

void Session::reply(const QByteArray &line)
{
	if (_socket->state() != QLocalSocket::ConnectedState)
		return;
	if (_socket->bytesToWrite() > kMaxBacklog) {
		qInfo() << "session: peer does not read, closing";
		_socket->abort();
		return;
	}
	_socket->write(line + '\n');
}

SettingsDaemon::SettingsDaemon(const QString &file)
	: _store(file, QSettings::IniFormat)
{
	connect(&_server, &QLocalServer::newConnection, this, &SettingsDaemon::onNewConnection);
}

bool SettingsDaemon::start(const QString &name, QString *why)
{
	// with access options listen() renames over a live name, so ask first
	QLocalSocket probe;
	probe.connectToServer(name);
	if (probe.waitForConnected(500)) {
		*why = QStringLiteral("another daemon serves %1").arg(name);
		return false;
	}
	if (probe.error() == QLocalSocket::ConnectionRefusedError) {
		QLocalServer::removeServer(name);
	} else if (probe.error() != QLocalSocket::ServerNotFoundError) {
		*why = probe.errorString();
		return false;
	}

	_server.setSocketOptions(QLocalServer::UserAccessOption);
	if (_server.listen(name))
		return true;
	*why = _server.errorString();
	return false;
}

void SettingsDaemon::onNewConnection()
{
	while (_server.hasPendingConnections()) {
		QLocalSocket *socket = _server.nextPendingConnection();
		if (socket)
			new Session(socket, _store);
	}
}

int main(int argc, char **argv)
{
	QCoreApplication app(argc, argv);
	QCoreApplication::setApplicationName(QStringLiteral("settingsd"));

	QCommandLineParser parser;
	parser.addHelpOption();
	parser.addOption({QStringLiteral("file"), QStringLiteral("store"), QStringLiteral("path"),
			  QStringLiteral("settings.ini")});
	parser.addOption({QStringLiteral("name"), QStringLiteral("socket"), QStringLiteral("name"),
			  QStringLiteral("settingsd")});
	parser.process(app);

	SettingsDaemon daemon(parser.value(QStringLiteral("file")));
	QString why;
	if (!daemon.start(parser.value(QStringLiteral("name")), &why)) {
		qCritical() << "settingsd:" << why;
		return 1;
	}
	return app.exec();
}
