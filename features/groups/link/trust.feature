@G3.3
Feature: A connection says whom it trusts
  The PIN travels over this connection. It goes only to a gateway that shows a
  certificate which the administrator has chosen to trust.

  Background:
    Given a gateway with a certificate of the company's own CA

  Scenario: A gateway is trusted through the company's CA
    When the administrator tests a connection that trusts the company's CA
    Then it is connected

  Scenario: The system's roots do not vouch for the company's CA
    When the administrator tests a connection that trusts the system's roots
    Then it is not connected because of TLS

  Scenario: Another CA does not vouch for the gateway
    When the administrator tests a connection that trusts another CA
    Then it is not connected because of TLS

  Scenario: The gateway's own certificate may be pinned
    When the administrator tests a connection that trusts the gateway's own certificate
    Then it is connected

  Scenario: A certificate that has expired vouches for nobody
    Given a gateway whose certificate has expired
    When the administrator tests a connection that trusts the company's CA
    Then it is not connected because of TLS

  Scenario: A gateway that asks for a client certificate gets one
    Given the gateway asks for a client certificate
    When the administrator tests a connection that shows a client certificate
    Then it is connected

  Scenario: A gateway that asks for a client certificate refuses who has none
    Given the gateway asks for a client certificate
    When the administrator tests a connection that trusts the company's CA
    Then it is not connected because of TLS

  Scenario: A client certificate of another CA does not open the gateway
    Given the gateway asks for a client certificate
    When the administrator tests a connection that shows a client certificate of another CA
    Then it is not connected because of TLS

  Scenario: A client certificate that has expired does not open the gateway
    Given the gateway asks for a client certificate
    When the administrator tests a connection that shows an expired client certificate
    Then it is not connected because of TLS

  Scenario: The host's name must be in the certificate when that is asked for
    When the administrator tests a connection under a name that the certificate lacks
    Then it is not connected because of TLS

  Scenario: The host's name does not matter when that is not asked for
    When the administrator tests a connection under a name that the certificate lacks, without checking the name
    Then it is connected

  Scenario: A host's name may stand in the certificate's common name
    Given a gateway whose certificate has the host's name as its common name only
    When the administrator tests a connection that trusts the company's CA
    Then it is connected

  Scenario: Another name in the common name is not the host's
    Given a gateway whose certificate has the host's name as its common name only
    When the administrator tests a connection under a name that the certificate lacks
    Then it is not connected because of TLS

  Scenario: A saved PIN is not sent to another gateway
    Given the HSM group "Payments"
    When the administrator points the connection of "Payments" to the gateway "elsewhere.example.com"
    Then it is refused as invalid
    And "Payments" is connected
