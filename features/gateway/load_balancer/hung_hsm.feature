@H4.3 @balanced
Feature: An HSM behind a load balancer hangs
  Its gateway lives and says so, but no call to the HSM comes back. Requests
  that wait for it must be done elsewhere before their time is up.

  Background:
    Given the HSM group "Payments" over a load balancer with two gateways, and the application "billing"

  Scenario: No use of a key fails
    Given the application uses keys of "Payments" all the time
    And a gateway's HSM is a copy of its own
    When the copy hangs
    Then the load balancer sends everything to the other gateway
    And no use of a key has failed

  Scenario: Its gateway gets its share again when it answers again
    Given the application uses keys of "Payments" all the time
    And a gateway's HSM is a copy of its own
    And the copy hung and the load balancer has noticed
    When the copy answers again
    Then the load balancer sends requests to both gateways
    And no use of a key has failed
