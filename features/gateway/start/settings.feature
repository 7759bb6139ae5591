@H2 @programs
Feature: A gateway is configured by the four settings of its guide
  Certificate, port, CA of the clients and library: with these it serves. What is
  left out has the default that operators know.

  Scenario: With a certificate, a CA and a library it serves at the usual ports
    Given the settings of a gateway that serves
    When a gateway is started with HMG_LISTEN_PORT left out
    Then it serves at port 4442, and tells its health at 4441 and 4440

  Scenario: Clients without a certificate are turned away when there is a CA for them
    Given the settings of a gateway that serves
    When a gateway is started with the settings as they are
    Then it turns a client without a certificate away

  Scenario: Without a CA it lets in clients that have no certificate
    Given the settings of a gateway that serves
    When a gateway is started with CA_FILE left out
    Then it lets a client in that has no certificate
