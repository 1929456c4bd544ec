// SPDX-License-Identifier: Apache-2.0
// correct: Session has no owner; see daemon.cpp
#pragma once

#include <QLocalServer>
#include <QLocalSocket>
#include <QObject>
#include <QSettings>
#include <QTimer>

class Session : public QObject
{
	Q_OBJECT
public:
	Session(QLocalSocket *socket, QSettings &store);

private:
	void onReadyRead();
	void handle(const QByteArray &line);
	void reply(const QByteArray &line);

	QLocalSocket *_socket;
	QSettings &_store;
	QTimer _idle;
};

class SettingsDaemon : public QObject
{
	Q_OBJECT
public:
	explicit SettingsDaemon(const QString &file);
	bool start(const QString &name, QString *why);

private:
	void onNewConnection();

	QSettings _store;
	QLocalServer _server;
};
