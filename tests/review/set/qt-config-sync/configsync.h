// SPDX-License-Identifier: Apache-2.0
// defects: see configsync.cpp
#pragma once

#include <QLocalServer>
#include <QLocalSocket>
#include <QMap>
#include <QObject>
#include <QTimer>

namespace cfg {

class SyncServer : public QObject
{
    Q_OBJECT

public:
    explicit SyncServer(const QString &name);
    ~SyncServer() override;

    bool open();
    void publish(const QString &key, const QString &value);

private slots:
    void onNewConnection();
    void onDisconnected();

private:
    QString m_name;
    QLocalServer *m_server;
    QList<QLocalSocket *> m_clients;
    QMap<QString, QString> m_values;
};

class SyncClient : public QObject
{
    Q_OBJECT

public:
    explicit SyncClient(const QString &name);
    ~SyncClient() override;

    bool ensureConnected();
    QString value(const QString &key) const { return m_values.value(key); }

signals:
    void changed(const QString &key, const QString &value);

private slots:
    void onReadyRead();
    void onLost();

private:
    void dropSocket();

    QString m_name;
    QLocalSocket *m_socket;
    QMap<QString, QString> m_values;
};

} // namespace cfg
