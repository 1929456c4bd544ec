// SPDX-License-Identifier: Apache-2.0
// defects: see server.cpp
#ifndef CONNECTIONTHREAD_H
#define CONNECTIONTHREAD_H

#include <QTcpServer>
#include <QTcpSocket>
#include <QThread>

class ConnectionThread : public QThread
{
    Q_OBJECT
public:
    explicit ConnectionThread(qintptr id, QObject *parent = nullptr);

    void run() override;

signals:
    void error(QTcpSocket::SocketError socketError);
    void executed(const QString &command);

private:
    QByteArray execute(const QByteArray &line);

    qintptr socketDescriptor;
    QTcpSocket *socket;
};

class CommandServer : public QTcpServer
{
    Q_OBJECT
public:
    explicit CommandServer(QObject *parent = nullptr);
    bool startServer(quint16 port);

signals:
    void logLine(const QString &text);

protected:
    void incomingConnection(qintptr socketDescriptor) override;

private:
    int count;
};

#endif
