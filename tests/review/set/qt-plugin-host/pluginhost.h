// SPDX-License-Identifier: Apache-2.0
// correct: see pluginhost.cpp
#ifndef PLUGINHOST_H
#define PLUGINHOST_H

#include <QHash>
#include <QLocalServer>
#include <QLocalSocket>
#include <QPointer>
#include <QProcess>
#include <memory>

class Plugin : public QObject
{
    Q_OBJECT

public:
    Plugin(const QString &program, QObject *parent);
    ~Plugin() override;

    bool launch(int timeoutMs);
    bool isUp() const { return m_channel && m_channel->state() == QLocalSocket::ConnectedState; }
    void invoke(const QByteArray &method, const QByteArray &argument);

signals:
    void result(const QByteArray &method, const QByteArray &value);
    void crashed(int status);

private slots:
    void readChannel();
    void onFinished(int status, QProcess::ExitStatus how);

private:
    bool adopt(QLocalSocket *candidate, int timeoutMs);

    QString m_program;
    QByteArray m_token;
    QProcess *m_process;
    std::unique_ptr<QLocalServer> m_server;
    QPointer<QLocalSocket> m_channel;
};

class PluginHost : public QObject
{
    Q_OBJECT

public:
    using QObject::QObject;
    Plugin *load(const QString &name, const QString &program);
    void unload(const QString &name);

private:
    QHash<QString, Plugin *> m_plugins;
};

#endif
