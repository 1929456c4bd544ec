// SPDX-License-Identifier: Apache-2.0
// correct: an unparented-looking socket and a removeServer(); see instance.cpp
#ifndef INSTANCE_H
#define INSTANCE_H

#include <QLocalServer>
#include <QLocalSocket>
#include <QLockFile>
#include <QObject>
#include <QScopedPointer>
#include <QStringList>

class InstanceGuard : public QObject
{
    Q_OBJECT

public:
    enum class Role { Primary, Secondary, Failed };

    explicit InstanceGuard(const QString &key, QObject *parent = nullptr);
    ~InstanceGuard() override;

    Role claim(const QStringList &arguments);

signals:
    void argumentsReceived(const QStringList &arguments);

private slots:
    void acceptPeers();
    void readPeer();

private:
    enum class Probe { Delivered, Nobody, Unclear };

    Probe notifyPrimary(const QStringList &arguments);
    bool startServer();

    QString m_key;
    QLockFile m_lock;
    QLocalServer *m_server;
};

#endif // INSTANCE_H
