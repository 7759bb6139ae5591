@G4.1 @G4.2
Feature: A group has several connections, in an order that everybody sees
  A second gateway costs little and keeps the keys at hand when the first one is
  being serviced. Which one serves first is for the administrator to say.

  Background:
    Given the HSM holds the RSA pair "tls"
    And the HSM group "Payments" with the connections "A", "B" and "C", synced
    And the application "billing" in "Payments"

  Scenario: Each connection has a priority
    Then the connections of "Payments" are "A", "B", "C"

  Scenario Outline: A connection is moved
    When the administrator moves the connection "<which>" of "Payments" <where>
    Then the connections of "Payments" are <order>

    Examples:
      | which | where         | order         |
      | C     | to the top    | "C", "A", "B" |
      | C     | up            | "A", "C", "B" |
      | A     | down          | "B", "A", "C" |
      | A     | to the bottom | "B", "C", "A" |

  Scenario: A connection is added after the others
    When the administrator adds the connection "D" to "Payments"
    Then the connections of "Payments" are "A", "B", "C", "D"

  Scenario: A connection is deleted
    When the administrator deletes the connection "A" of "Payments"
    Then the connections of "Payments" are "B", "C"

  Scenario: What is moved to the top serves first
    Given the administrator has moved the connection "C" of "Payments" to the top
    And the connections "A" and "B" are cut
    When the application signs with "tls"
    Then the signature verifies outside the service
