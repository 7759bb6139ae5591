@G4.3
Feature: When a connection fails the next one takes over
  A request that one connection cannot serve is served by the next, and whoever
  asked does not notice. A repaired connection is used again without anybody
  doing anything.

  Background:
    Given the HSM holds the RSA pair "tls"
    And the HSM group "Payments" with the connections "A" and "B", synced
    And the application "billing" in "Payments"

  Scenario: The next connection takes over within the request
    Given the connection "A" is cut
    When the application signs with "tls"
    Then the signature verifies outside the service

  Scenario: A connection that hangs leaves time for the next
    Given the connection "A" hangs
    When the application signs with "tls"
    Then the signature verifies outside the service

  Scenario: The preferred connection is used again once it is repaired
    Given the connection "A" of "Payments" was cut and works again
    And the connection "B" is cut
    When the application signs with "tls"
    Then the signature verifies outside the service

  Scenario: A key is made through the connection that works
    Given the connection "A" of "Payments" does not work
    When the application generates the AES 256 key "salaries" in "Payments"
    Then the key "salaries" is a virtual key of "Payments"
    And the HSM holds a key with the label "salaries"

  Scenario: When no connection works the request is refused with a reason
    Given the connections "A" and "B" are cut
    When the application signs with "tls"
    Then it is refused because the group is not connected

  Scenario: A deleted connection is used no more
    Given the administrator has deleted the connection "A" of "Payments"
    And the connection "B" is cut
    When the application signs with "tls"
    Then it is refused because the group is not connected
