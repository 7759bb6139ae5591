@H2
Feature: Certificates are renewed without a restart
  A gateway that must be restarted for a new certificate is restarted too late.
  It reads its files again, and what cannot be used changes nothing.

  Background:
    Given the HSM group "Payments" behind a gateway that asks for a client certificate

  Scenario: New connections see the new certificate
    When the gateway's certificate is replaced by one of another CA
    Then a connection that trusts the other CA is connected
    And a connection that trusts the company's CA is not connected

  Scenario: Connections from before go on
    When the gateway's certificate is replaced by one of another CA
    Then "Payments" is connected

  Scenario: A broken file leaves the certificate as it was
    When the gateway's certificate is overwritten by half a file
    Then a connection that trusts the company's CA is connected

  Scenario: A client whose CA is no longer trusted is cut off
    When the gateway is told to let in clients of another CA only
    Then "Payments" is not connected
